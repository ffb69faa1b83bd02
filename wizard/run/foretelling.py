"""What a stage has counted may change what was foretold of the training: it is judged anew before that begins."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from wizard.contract import Plan, Stage
from wizard.journal import RunFolder, read_json

TRAIN = "train"
Knobs = Callable[[str], Mapping[str, Any]]
Refit = Callable[[Plan, str, Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]  # plan, stage, knobs, result


def foretold(refit: Refit | None, plan: Plan, folder: RunFolder, stage: Stage, knobs: Knobs) -> Mapping[str, Any]:
    """Of a stage that is done; empty where it changes nothing. `knobs`: of a stage, those that were conceded."""
    if refit is None or TRAIN not in [item.name for item in plan.stages]:
        return {}
    result = read_json(folder.stage(stage.folder).done).get("result") or {}
    try:
        return refit(plan, stage.name, knobs(TRAIN), result)
    except Exception:  # a forecast is an aid: no run ends for it
        traceback.print_exc()
        return {}
