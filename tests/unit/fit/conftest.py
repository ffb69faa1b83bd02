from __future__ import annotations

from collections.abc import Callable

import pytest

from wizard.catalog import builtin, load
from wizard.contract import Board, Catalog, Cpu, Disk, Gpu, Machine

GIB = 1024**3
PYTHONS = {"3.11": "/usr/bin/python3.11", "3.12": "/usr/bin/python3.12"}


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load([builtin()])


@pytest.fixture(scope="session")
def laptop() -> Machine:
    """No card, two cores, 24 GiB."""
    return Machine(
        gpus=(),
        cpu=Cpu(name="a CPU", cores=2, arch="x86_64", flags=("avx2",)),
        ram_bytes=24 * GIB,
        ram_free_bytes=20 * GIB,
        disks=(Disk(path="/home", free_bytes=100_000_000_000, total_bytes=200_000_000_000, kind="local"),),
        pythons=PYTHONS,
        tools=("cc", "python-headers"),
    )


def card(board: Board) -> Gpu:
    return Gpu(
        index=0,
        name=board.title,
        uuid="GPU-0",
        total_bytes=board.total_bytes,
        free_bytes=board.total_bytes - board.reserved_bytes,
        reserved_bytes=board.reserved_bytes,
        compute_capability=board.compute_capability,
        profile=board.id,
    )


@pytest.fixture(scope="session")
def machine_with(catalog: Catalog) -> Callable[..., Machine]:
    """A roomy machine with one card of a board."""

    def make(board: str, driver: str = "580.65.06", cuda: tuple[int, int] = (13, 0)) -> Machine:
        return Machine(
            gpus=(card(catalog.boards[board]),),
            cpu=Cpu(name="a CPU", cores=16, arch="x86_64", flags=("avx2",)),
            ram_bytes=1024 * GIB,
            ram_free_bytes=1000 * GIB,
            disks=(Disk(path="/home", free_bytes=10**13, total_bytes=10**13, kind="local"),),
            driver=driver,
            cuda=cuda,
            pythons=PYTHONS,
            tools=("cc", "python-headers"),
        )

    return make
