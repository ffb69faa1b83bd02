"""The rows a model is measured on: those kept from training, or a sample of those it has learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard.stages.desk import Bench
from wizard.stages.prepared import Row, sample


@dataclass(frozen=True, kw_only=True)
class Held:
    rows: Sequence[Row]
    seen: bool  # in training
    trained: bool = True  # anything, in this run

    @property
    def settings(self) -> dict[str, Any]:
        if not self.trained:
            return {"rows": "nothing was trained in this run"}
        return {"rows": "seen in training" if self.seen else "kept from training"}


def held(bench: Bench, most: int) -> Held:
    """At most so many, drawn by the seed. Says where the model has seen them all."""
    prepared = bench.order.inputs.get("prepare")
    if prepared is None:  # general text and benchmarks are all there is to measure on
        return Held(rows=[], seen=False)
    whole, trained = "validation" not in prepared, bench.order.spec["method"]["trainable"] != "nothing"
    drawn = sample(Path(prepared["rows" if whole else "validation"]), most, int(bench.order.spec["seed"]))
    if seen := whole and trained:
        bench.note("evaluated-on-seen", "warning", rows=len(drawn))
    return Held(rows=drawn, seen=seen, trained=trained)
