"""A DataReport for programs: the JSON of `data SOURCE`, and what of it is kept in a run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from wizard.contract import DataReport, Rejected
from wizard.session.remarks import Reason, bars, longer, quantile, reasons, remarks, split, unlearnt
from wizard.words import problem, say_in


def as_data(report: DataReport, limit: int, validation: float = 0.0) -> dict[str, Any]:
    """Plain JSON, its sentences in English. `limit`: the sequence's tokens, behind which rows are cut; `validation`:
    the share of the rows that is kept from training.

    The keys up to `tasks` are those other programs rely on."""
    return {
        "kind": report.kind,
        "format": report.format,
        "modality": list(report.modality),
        "encoding": report.encoding,
        "mapping": dict(report.mapping),
        "exact": report.exact,
        "rows": report.rows,
        "usable": report.usable,
        "rejected": [_told(row) for row in report.rejected],
        "samples": [plain(sample) for sample in report.samples],
        "tasks": list(report.tasks),
        "reasons": [{"rows": why.rows, **_told(why)} for why in reasons(report)],
        "remarks": [{"code": each.code, **problem(each.code, each.params, "en")} for each in remarks(report, limit)],
        "columns": list(report.columns),
        "language": report.language,
        "duplicates": report.duplicates,
        "lengths": {
            "measure": report.measure,
            "half": quantile(report, 0.5),
            "nine_of_ten": quantile(report, 0.9),
            "longest": max(report.lengths, default=0),
            "tokens": sum(tokens * rows for tokens, rows in report.lengths.items()),
            "bars": [list(bar) for bar in bars(report, limit)],
        },
        "cut": {"at": limit, "rows": longer(report, limit), "unlearnt": unlearnt(report, limit)},
        "refused_by_template": report.refused,
        "split": dict(zip(("train", "validation"), split(report, validation), strict=True)),
    }


def as_text(report: DataReport, limit: int, validation: float = 0.0) -> str:
    return json.dumps(as_data(report, limit, validation), ensure_ascii=False, indent=1, default=str)


def plain(value: Any) -> Any:
    """As JSON has it: no NaN, no bytes, no characters that cannot be saved."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _told(row: Rejected | Reason) -> dict[str, Any]:
    """Where only a sample was read, a row's line is not known: `line` is null, and `offset` the byte it begins at."""
    told = {"line": int(row.line) or None, "code": row.code, "what": say_in("en", f"reject.{row.code}", **row.params)}
    told |= {"offset": row.offset} if not row.line and row.offset else {}
    return {**told, "file": row.file} if row.file else told
