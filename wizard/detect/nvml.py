"""The only door to NVML. What a card does not answer is None, field by field; a card that fails is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil
import pynvml  # type: ignore[import-untyped, unused-ignore]

from wizard.contract import Board, Gpu, GpuUser, Problem
from wizard.detect.boards import board_of
from wizard.detect.visible import Seen, visible

T = TypeVar("T")
NOT_ANSWERED = frozenset(
    (
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_NOT_FOUND,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    )
)
START_PROBLEMS = {
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "driver-not-loaded",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "driver-mismatch",
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: "driver-too-old",
}
CARD_PROBLEMS = {pynvml.NVML_ERROR_GPU_IS_LOST: "gpu-lost", pynvml.NVML_ERROR_RESET_REQUIRED: "gpu-needs-reset"}
OLDEST_CUDA = (12, 0)
OLDEST_DRIVER = 525  # the branch that brought CUDA 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    cuda: tuple[int, int] | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A whole card or one MIG instance; `index` counts both, so it is NVML's own where no card is cut."""

    index: int
    card: int
    handle: Any
    parent: Any
    mig: bool | None


def detect(boards: Mapping[str, Board], ram: tuple[int, int], shown: str | None) -> Cards:
    """All cards that `shown` (CUDA_VISIBLE_DEVICES) leaves, in its order; `ram` is the memory of unified boards."""
    try:
        with session():
            return look(boards, ram, shown)
    except pynvml.NVMLError as error:
        code = START_PROBLEMS.get(error.value, "nvml-failed")
        params = {"error": str(error), "driver": "?", "cuda": "?", "needs": OLDEST_DRIVER}
        return Cards(problems=(Problem(code=code, params=params),))


def look(boards: Mapping[str, Board], ram: tuple[int, int], shown: str | None) -> Cards:
    driver, cuda = ask(pynvml.nvmlSystemGetDriverVersion), cuda_version()
    found, problems = devices()
    cards: list[Seen] = []
    for device in found:
        try:
            cards.append(Seen(card=device.card, gpu=describe(device, boards, ram)))
        except pynvml.NVMLError as error:
            problems.append(card_problem(device.card, error))
    gpus = visible(cards, shown)
    if cards and not gpus:
        problems.append(Problem(code="gpus-hidden", params={"value": shown or "", "count": len(cards)}))
    if cuda and cuda < OLDEST_CUDA:
        params = {"driver": driver or "?", "cuda": f"{cuda[0]}.{cuda[1]}", "needs": OLDEST_DRIVER, "error": ""}
        problems.append(Problem(code="driver-too-old", params=params))
    return Cards(gpus=gpus, driver=driver, cuda=cuda, problems=tuple(problems))


@contextmanager
def session() -> Iterator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def ask(function: Callable[..., T], *arguments: Any) -> T | None:
    try:
        return function(*arguments)
    except pynvml.NVMLError as error:
        if error.value in NOT_ANSWERED:
            return None
        raise


def cuda_version() -> tuple[int, int] | None:
    number = ask(pynvml.nvmlSystemGetCudaDriverVersion)
    return (number // 1000, number % 1000 // 10) if number else None


def devices() -> tuple[list[Device], list[Problem]]:
    found: list[Device] = []
    problems: list[Problem] = []
    index = 0
    for card in range(pynvml.nvmlDeviceGetCount()):
        try:
            parts = parts_of(card, index)
        except pynvml.NVMLError as error:
            problems.append(card_problem(card, error))
            index += 1
            continue
        if not parts:
            problems.append(Problem(code="mig-empty", params={"index": card}))
        found += parts
        index += max(1, len(parts))
    return found, problems


def parts_of(card: int, index: int) -> list[Device]:
    """The card itself or, where it is cut, its instances: programs cannot use the whole of a cut card."""
    parent = pynvml.nvmlDeviceGetHandleByIndex(card)
    mode = ask(pynvml.nvmlDeviceGetMigMode, parent)
    mig = None if mode is None else bool(mode[0])
    if not mig:
        return [Device(index=index, card=card, handle=parent, parent=parent, mig=mig)]
    slots = range(ask(pynvml.nvmlDeviceGetMaxMigDeviceCount, parent) or 0)
    handles = [handle for slot in slots if (handle := ask(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, parent, slot))]
    return [
        Device(index=index + place, card=card, handle=handle, parent=parent, mig=True)
        for place, handle in enumerate(handles)
    ]


def card_problem(card: int, error: Any) -> Problem:
    return Problem(code=CARD_PROBLEMS.get(error.value, "gpu-failed"), params={"index": card, "error": str(error)})


def describe(device: Device, boards: Mapping[str, Board], ram: tuple[int, int]) -> Gpu:
    name = ask(pynvml.nvmlDeviceGetName, device.handle) or ask(pynvml.nvmlDeviceGetName, device.parent) or "NVIDIA GPU"
    memory = memory_of(device.handle)
    total, free, reserved = memory or (*ram, None)
    return Gpu(
        index=device.index,
        name=name,
        uuid=ask(pynvml.nvmlDeviceGetUUID, device.handle) or "",
        total_bytes=total,
        free_bytes=free,
        reserved_bytes=reserved,
        compute_capability=ask(pynvml.nvmlDeviceGetCudaComputeCapability, device.handle)
        or ask(pynvml.nvmlDeviceGetCudaComputeCapability, device.parent),
        mig=device.mig,
        unified=memory is None,
        profile=board_of(name, total, boards),
        users=tuple(users_of(device.handle)),
    )


def memory_of(handle: Any) -> tuple[int, int, int | None] | None:
    """Total, free and, where the driver tells it apart, reserved; None on boards that share the host's memory."""
    memory = ask(pynvml.nvmlDeviceGetMemoryInfo, handle, pynvml.nvmlMemory_v2)
    if memory is not None:
        return memory.total, memory.free, memory.reserved
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    except pynvml.NVMLError_NotSupported:
        return None
    return memory.total, memory.free, None


def users_of(handle: Any) -> Iterator[GpuUser]:
    used: dict[int, int | None] = {}
    for listing in (pynvml.nvmlDeviceGetGraphicsRunningProcesses, pynvml.nvmlDeviceGetComputeRunningProcesses):
        for process in ask(listing, handle) or ():
            used[process.pid] = process.usedGpuMemory
    for pid, amount in used.items():
        yield GpuUser(pid=pid, name=process_name(pid), used_bytes=amount)


def process_name(pid: int) -> str:
    """Empty for a process that cannot be seen from here: another container's, or one that has just ended."""
    try:
        return psutil.Process(pid).name()
    except (psutil.Error, ValueError):
        return ""


class Gauges:
    """Live readings of all cards; NVML stays open, for opening it anew takes up to a second on big machines."""

    def __init__(self) -> None:
        pynvml.nvmlInit()
        self._devices, _ = devices()

    def read(self) -> dict[str, float]:
        readings: dict[str, float] = {}
        for device in self._devices:
            with suppress(pynvml.NVMLError):
                readings |= {f"gpu{device.index}_{name}": value for name, value in readings_of(device.handle)}
        return readings


def readings_of(handle: Any) -> Iterator[tuple[str, float]]:
    memory = memory_of(handle)
    if memory:
        total, free, reserved = memory
        yield "used_bytes", total - free - (reserved or 0)
    rates = ask(pynvml.nvmlDeviceGetUtilizationRates, handle)
    if rates is not None:
        yield "percent", rates.gpu
    celsius = ask(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU)
    if celsius is not None:
        yield "celsius", celsius
    milliwatts = ask(pynvml.nvmlDeviceGetPowerUsage, handle)
    if milliwatts is not None:
        yield "watts", milliwatts / 1000
