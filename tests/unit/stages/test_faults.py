from __future__ import annotations

import errno
from pathlib import Path

import pytest

from wizard.errors import WizardError
from wizard.stages import faults
from wizard.stages.faults import problem_of


def code(error: BaseException, folder: Path) -> str | None:
    told = problem_of(error, "train", folder)
    return told.problem.code if told else None


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.1 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
    ],
)
def test_every_library_s_lack_of_memory_is_the_same_problem(error: BaseException, tmp_path: Path) -> None:
    assert code(error, tmp_path) == "out-of-memory"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_every_library_s_full_disk_is_the_same_problem(error: BaseException, tmp_path: Path) -> None:
    assert code(error, tmp_path) == "disk-full"


def test_torch_s_broken_writer_is_a_full_disk_only_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed")
    assert code(error, tmp_path) is None
    monkeypatch.setattr(faults, "free_bytes", lambda folder: 0)
    assert code(error, tmp_path) == "disk-full"


def test_too_little_shared_memory_is_no_full_disk(tmp_path: Path) -> None:
    told = "Error while creating shared memory segment /dev/shm/nccl-Qb8 (size 9637888), error: No space left on device"
    assert code(RuntimeError(f"NCCL error: unhandled system error. Last error:\n{told} (28)"), tmp_path) == (
        "shared-memory-full"
    )


def test_the_cause_counts_not_what_it_was_wrapped_in(tmp_path: Path) -> None:
    try:
        try:
            raise WizardError("port-in-use", port=1)
        except WizardError as cause:
            raise ValueError("wrapped") from cause
    except ValueError as error:
        assert code(error, tmp_path) == "port-in-use"


def test_an_unforeseen_error_is_nobody_s_problem(tmp_path: Path) -> None:
    assert code(ValueError("what"), tmp_path) is None
