"""How two workers share the whole suite (`-n2 --dist loadscope`): one folder stays with one worker; what waits."""

from __future__ import annotations

import os
from typing import Any

import pytest

os.environ.pop("YCDY_COMMAND", None)  # how the tests were started is nothing that a screen or a text should tell

# They share homes and engines' environments, and two trainings at once would fight over the same cores.
HEAVY = ("tests/e2e", "tests/unit/stages")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Not loadgroup: it looks for its marks in ids that pytest 9.2 no longer lets it change."""
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False  # in the order of collection e2e, which takes longest, begins at once
    return ByFolder(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones run when they are asked for: `-m soak`."""
    if "soak" not in config.getoption("-m"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("soak")])
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def group_of(nodeid: str) -> str:
    folder = nodeid.partition("::")[0].rpartition("/")[0]
    return "heavy" if folder in HEAVY else folder
