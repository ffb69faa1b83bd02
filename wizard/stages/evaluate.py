"""Measure what the training made of the model, beside the base: on rows that were kept from it, on general text, and
on benchmarks.

python -m wizard.stages.evaluate RUN/06-evaluate
python -m json.tool RUN/06-evaluate/report.json
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wizard.contract import Result, worsened
from wizard.journal import write_json
from wizard.stages.desk import Bench, run
from wizard.stages.evaluating import measured
from wizard.stages.evaluating.benchmarks import asked, at_hand
from wizard.stages.evaluating.checkpoints import cleared, with_checkpoints
from wizard.stages.evaluating.subjects import subjects_of

VERSION = 1
SHOWN = ("perplexity", "accuracy", "exact_match", "rouge_l", "macro_f1", "mrr", "ndcg_10", "pair_accuracy")


def work(bench: Bench) -> None:
    subjects = subjects_of(bench)
    if bench.order.spec.get("checkpoints"):
        subjects = with_checkpoints(bench, subjects)
    at_hand(bench)
    begun = time.monotonic()
    results, more = measured(bench, subjects)
    results += asked(bench, subjects)
    cleared(bench)
    report = written(bench.folder, bench.order.run, results, more, time.monotonic() - begun)
    for old, new in worsened(results):
        told = {"source": new.source, "measure": new.measure, "subject": new.subject}
        bench.note("ability-lost", "warning", before=old.value, after=new.value, **told)
    bench.finish({"report": report}, {"results": [shown(each) for each in results if telling(each)]})


def written(folder: Path, run: str, results: Sequence[Result], more: Mapping[str, Any], seconds: float) -> Path:
    """docs/evaluation.md tells its fields."""
    answers = more.get("answers", ())
    write_json(folder / "answers.json", {"version": VERSION, "run": run, "answers": list(answers)})
    told = {
        "version": VERSION,
        "run": run,
        "seconds": round(seconds, 1),
        "results": [asdict(each) for each in results],
        **{name: value for name, value in more.items() if name != "answers"},
    }
    write_json(folder / "report.json", told)
    return folder / "report.json"


def telling(result: Result) -> bool:
    """A main figure: of a benchmark its own."""
    return result.measure in SHOWN or not result.source.startswith(("own", "general"))


def shown(result: Result) -> dict[str, Any]:
    """Of a result what a screen shows; the rest is in the report."""
    return {name: getattr(result, name) for name in ("subject", "measure", "value", "source", "n")}


if __name__ == "__main__":
    run(work)
