from __future__ import annotations

from pathlib import Path
from typing import get_args

from wizard.contract.catalogue import Trainer, Tuner
from wizard.stages import merging, training
from wizard.tuners.configuring import TUNERS


def test_what_a_recipe_and_a_method_may_name_is_there() -> None:
    nothing = {"none"}  # is trained
    assert set(TUNERS) == set(get_args(Tuner)) - nothing
    for room in (training, merging):
        assert set(room.MODULES) == set(get_args(Trainer)) - nothing
        folder = Path(str(room.__file__)).parent
        assert all((folder / f"{module}.py").is_file() for module in room.MODULES.values())
