"""What a stage has counted may change what was foretold of the training: it is judged anew before that begins."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from wizard.contract import Plan, Stage
from wizard.journal import RunFolder, read_json

Refit = Callable[[Plan, str, Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]  # plan, stage, knobs, result


def foretold(
    refit: Refit | None, plan: Plan, folder: RunFolder, stage: Stage, knobs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Of a stage that is done; empty where it changes nothing. `knobs`: those that were conceded."""
    if refit is None:
        return {}
    result = read_json(folder.stage(stage.folder).done).get("result") or {}
    try:
        return refit(plan, stage.name, knobs, result)
    except Exception:  # a forecast is an aid: no run ends for it
        traceback.print_exc()
        return {}
