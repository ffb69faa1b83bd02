"""What a machine has, and what is known of a board before one is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wizard.contract.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUser:
    pid: int
    name: str
    used_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    index: int
    name: str
    uuid: str
    total_bytes: int
    free_bytes: int
    reserved_bytes: int | None = None
    compute_capability: tuple[int, int] | None = None
    mig: bool | None = None
    unified: bool = False
    profile: str | None = None  # id of a board in hardware_profiles/
    users: tuple[GpuUser, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    name: str
    cores: int
    arch: str  # platform.machine(): x86_64, aarch64
    flags: tuple[str, ...] = ()  # only those that decide a dtype or an engine: avx2 avx512f avx512_bf16 amx_bf16 ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    path: str
    free_bytes: int
    total_bytes: int
    kind: Literal["local", "network", "memory"]
    bytes_per_second: float | None = None  # sequential read, measured; None = not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    gpus: tuple[Gpu, ...]
    cpu: Cpu
    ram_bytes: int
    ram_free_bytes: int
    disks: tuple[Disk, ...]  # the first is the one that holds $YCDY_HOME
    driver: str | None = None
    cuda: tuple[int, int] | None = None  # newest CUDA the driver can run
    pythons: Mapping[str, str] = field(default_factory=dict)  # "3.11" -> executable
    tools: tuple[str, ...] = ()  # system needs that are met: cc, python-headers, ...
    pretend: str | None = None  # the --pretend text, when this machine is not real
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A hardware profile: what is known of a card before one is seen."""

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()  # regular expressions on the NVML name, case ignored
    total_bytes: int = 0
    compute_capability: tuple[int, int] | None = None
    bandwidth_bytes_per_second: float = 0.0
    tflops: Mapping[str, float] = field(default_factory=dict)  # dense TFLOP/s by dtype: fp32 fp16 bf16 fp8
    overhead_bytes: int = 0  # CUDA context plus library handles
    reserved_bytes: int = 0  # of total_bytes, what the driver keeps: a program cannot have it
    unified: bool = False
    quirks: tuple[str, ...] = ()
    source: str = ""
