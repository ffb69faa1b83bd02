"""Machines, recipes and models as they may come together, for properties that hold of all."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from wizard.catalog import builtin, load
from wizard.contract import Cpu, Disk, Gpu, Machine
from wizard.fit.offering.setting import suits

GIB = 1024**3
CATALOG = load([builtin()])
BOARDS = sorted(board.id for board in CATALOG.boards.values() if board.total_bytes)
PAIRS = sorted(
    (recipe.id, model.id)
    for recipe in CATALOG.recipes.values()
    for model in CATALOG.models.values()
    if suits(recipe, model)
)
RANK = {"no": 0, "tight": 1, "fits": 2}


def card(board: str, index: int, free: int | None = None) -> Gpu:
    known = CATALOG.boards[board]
    usable = known.total_bytes - known.reserved_bytes
    return Gpu(
        index=index,
        name=known.title,
        uuid=f"GPU-{index}",
        total_bytes=known.total_bytes,
        free_bytes=usable if free is None else min(free, usable),
        reserved_bytes=known.reserved_bytes,
        compute_capability=known.compute_capability,
        mig=True if "-mig-" in board else None,
        unified=known.unified,
        profile=board,
    )


def machine(cards: list[Gpu], ram: int, disk: int, **changes: Any) -> Machine:
    given: dict[str, Any] = {
        "gpus": tuple(cards),
        "cpu": Cpu(name="a CPU", cores=16, arch="x86_64", flags=("avx2",)),
        "ram_bytes": ram,
        "ram_free_bytes": ram,
        "disks": (Disk(path="/home", free_bytes=disk, total_bytes=10**13, kind="local"),),
        "driver": "580.65.06",
        "cuda": (13, 0),
        "pythons": {"3.11": "/usr/bin/python3.11", "3.12": "/usr/bin/python3.12"},
        "tools": ("cc", "python-headers"),
    }
    return Machine(**{**given, **changes})


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    boards = draw(st.lists(st.sampled_from(BOARDS), max_size=2))
    cards = [board for board in boards for _ in range(draw(st.integers(1, 4)))]
    full = st.none() | st.integers(0, 100).map(lambda gib: gib * GIB)
    driver = draw(st.sampled_from([("580.65.06", (13, 0)), ("550.54", (12, 4)), ("470.82", (11, 4))]))
    return machine(
        [card(board, index, draw(full)) for index, board in enumerate(cards)],
        draw(st.integers(2, 300)) * GIB,
        draw(st.integers(1, 500)) * 10**9,
        driver=driver[0],
        cuda=driver[1],
        tools=draw(st.sampled_from([(), ("cc", "python-headers")])),
    )
