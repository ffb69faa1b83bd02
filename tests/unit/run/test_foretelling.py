from __future__ import annotations

from typing import Any

from tests.unit.run.conftest import Toy
from wizard.contract import Stage
from wizard.journal import write_json
from wizard.run.foretelling import foretold

STAGE = Stage(name="prepare", folder="02-prepare", engine="toy", environment="toy-cpu-py311", digest="d")
TRAIN = Stage(name="train", folder="03-train", engine="toy", environment="toy-cpu-py311", digest="d")


def knobs(stage: str) -> dict[str, int]:
    return {"micro_batch": {"train": 1}[stage]}


def counted(toy: Any) -> Toy:
    run: Toy = toy(STAGE, TRAIN)
    write_json(run.folder.stage(STAGE.folder).done, {"digest": "d", "result": {"longest": 7}})
    return run


def test_a_stage_s_result_is_what_the_forecast_is_made_of(toy: Any) -> None:
    run = counted(toy)
    told = foretold(lambda *asked: {"asked": asked[1:]}, run.plan, run.folder, STAGE, knobs)
    assert told == {"asked": ("prepare", {"micro_batch": 1}, {"longest": 7})}


def test_a_run_that_trains_nothing_has_nothing_foretold(toy: Any) -> None:
    run: Toy = toy(STAGE)
    assert foretold(lambda *asked: {"asked": asked}, run.plan, run.folder, STAGE, knobs) == {}


def test_a_forecast_that_breaks_ends_no_run(toy: Any) -> None:
    def broken(*_: Any) -> dict[str, Any]:
        raise RuntimeError

    run = counted(toy)
    assert foretold(broken, run.plan, run.folder, STAGE, knobs) == {}
    assert foretold(None, run.plan, run.folder, STAGE, knobs) == {}
