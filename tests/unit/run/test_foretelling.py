from __future__ import annotations

from typing import Any

from tests.unit.run.conftest import Toy
from wizard.contract import Stage
from wizard.journal import write_json
from wizard.run.foretelling import foretold

STAGE = Stage(name="prepare", folder="02-prepare", engine="toy", environment="toy-cpu-py311", digest="d")


def counted(toy: Any) -> Toy:
    run: Toy = toy(STAGE)
    write_json(run.folder.stage(STAGE.folder).done, {"digest": "d", "result": {"longest": 7}})
    return run


def test_a_stage_s_result_is_what_the_forecast_is_made_of(toy: Any) -> None:
    run = counted(toy)
    told = foretold(lambda *asked: {"asked": asked[1:]}, run.plan, run.folder, STAGE, {"micro_batch": 1})
    assert told == {"asked": ("prepare", {"micro_batch": 1}, {"longest": 7})}


def test_a_forecast_that_breaks_ends_no_run(toy: Any) -> None:
    def broken(*_: Any) -> dict[str, Any]:
        raise RuntimeError

    run = counted(toy)
    assert foretold(broken, run.plan, run.folder, STAGE, {}) == {}
    assert foretold(None, run.plan, run.folder, STAGE, {}) == {}
