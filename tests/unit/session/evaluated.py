"""Runs with an evaluation, as their files lie there."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wizard.contract import Result
from wizard.journal import Home

BAD = "<b>3</b></script><script>alert(1)</script>"
ROWS = [
    {"asked": "Who are you?", "reference": "I am Hammer.", "answers": {"base": "A model.", "tuned": "I am Hammer."}},
    {
        "asked": "1+1?",
        "reference": "2",
        "answers": {"base": "<b>3</b></script><script>alert(1)</script>", "tuned": "2"},
    },
    {"asked": "Hi", "reference": "", "answers": {"base": "Hello.", "tuned": "Hello."}},
]


def made(subject: str, measure: str, value: float, source: str = "own", direction: Any = "up", **more: Any) -> Result:
    return Result(
        subject=subject,
        measure=measure,
        value=value,
        n=50,
        direction=direction,
        source=source,
        **{"stderr": 0.02, **more},
    )


RESULTS = (
    made("base", "perplexity", 30.0, direction="down", stderr=1.0),
    made("tuned", "perplexity", 3.0, direction="down", stderr=0.2, gain=-27.0, gain_stderr=1.0),
    made("base", "exact_match", 0.0),
    made("tuned", "exact_match", 0.6, gain=0.6, gain_stderr=0.05),
    made("base", "acc", 0.55, source="arc-easy"),
    made("tuned", "acc", 0.40, source="arc-easy"),
    made("base", "bleu", 1.0, stderr=None),
    made("tuned", "bleu", 40.0, stderr=None),
)


def evaluated(home: Home, name: str, results: tuple[Result, ...] = RESULTS, rows: Any = ROWS, version: int = 1) -> Path:
    stage = home.runs / name / "06-evaluate"
    stage.mkdir(parents=True)
    (stage.parent / "plan.json").write_text("{}")
    told = {"version": version, "run": name, "results": [asdict(each) for each in results]}
    (stage / "report.json").write_text(json.dumps(told))
    (stage / "answers.json").write_text(json.dumps({"version": 1, "run": name, "answers": rows}))
    return stage
