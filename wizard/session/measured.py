"""What rehearsals measured on this machine, as far as it still holds: of the programs that a run would use today."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard import plan as planning
from wizard.contract import Catalog, lock_of
from wizard.journal import Home, read_json

NUMBERS = ("peak_bytes", "reserved_bytes", "card_bytes")


def corrections(home: Home, catalog: Catalog, locks: Path) -> tuple[Mapping[str, Any], ...]:
    """Oldest first, so that the newest of equal ones is the last word."""
    files = sorted(home.measured.glob("*.json"), key=lambda path: path.stat().st_mtime)
    found = [read_json(path) for path in files]
    return tuple(record for record in found if _whole(record) and _of_today(record["case"], catalog, locks))


def _whole(record: Mapping[str, Any]) -> bool:
    case, measured = record.get("case"), record.get("measured")
    if not isinstance(case, dict) or not isinstance(case.get("knobs"), dict) or not isinstance(measured, dict):
        return False
    numbers = [record.get("longest"), *(measured.get(name) for name in NUMBERS)]
    return all(isinstance(number, (int, float)) and number > 0 for number in numbers)


def _of_today(case: Mapping[str, Any], catalog: Catalog, locks: Path) -> bool:
    engine, accelerator, python = (case.get(name, "") for name in ("engine", "accelerator", "python"))
    if engine not in catalog.engines or not (lock := lock_of(catalog.engines[engine], accelerator, python)):
        return False
    text = (locks / lock).read_text(encoding="utf-8")
    return planning.environment_mark(text, accelerator, python) == case.get("lock")
