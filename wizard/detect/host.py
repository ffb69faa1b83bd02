"""The host without its cards: CPU, RAM, and whether a hub can be reached."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Thread

import psutil

from wizard.contract import Cpu
from wizard.detect import cgroup

# Those that decide in which dtype a CPU trains and serves, or whether an engine's kernels run on it.
DECIDING_FLAGS = (
    *("avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("avx_vnni", "amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2"),
)


def cpu(cpuinfo: Path = Path("/proc/cpuinfo")) -> Cpu:
    facts = first_processor(cpuinfo)
    here = set((facts.get("flags") or facts.get("Features") or "").split())
    return Cpu(
        name=facts.get("model name") or facts.get("Model") or platform.processor() or platform.machine(),
        cores=cores(),
        arch=platform.machine(),
        flags=tuple(flag for flag in DECIDING_FLAGS if flag in here),
    )


def first_processor(cpuinfo: Path) -> dict[str, str]:
    """Only the first block: on a machine with 200 cores the whole file takes a tenth of a second."""
    facts: dict[str, str] = {}
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, found, value = line.partition(":")
                if not found:
                    break
                facts[key.strip()] = value.strip()
    except OSError:
        pass
    return facts


def cores(root: Path = cgroup.SYSTEM_ROOT) -> int:
    """Cores this process may use: its affinity, and its control group's quota rounded down."""
    allowed = len(os.sched_getaffinity(0))
    quota = cgroup.cpu_limit(root)
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def ram(root: Path = cgroup.SYSTEM_ROOT) -> tuple[int, int]:
    """Total and free bytes, the container's limit where there is one."""
    memory = psutil.virtual_memory()
    limit = cgroup.memory_limit(root)
    if limit is None:
        return memory.total, memory.available
    return min(memory.total, limit.total_bytes), min(memory.available, limit.free_bytes)


def reach(urls: Iterable[str], seconds: float) -> Mapping[str, float | None]:
    """How long each address took to answer anything at all; None for those that did not within `seconds`."""
    import http.client  # these load ssl and email, which looking at the machine does not need
    import ssl
    import urllib.error
    import urllib.request

    answered: dict[str, float | None] = dict.fromkeys(urls)

    def ask(url: str) -> None:
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
                pass
        except urllib.error.HTTPError:
            pass  # an answer, if an unfriendly one
        except (OSError, ValueError, http.client.HTTPException) as error:
            if not isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError):  # hubs bring their own
                return
        answered[url] = time.monotonic() - begun

    threads = [Thread(target=ask, args=(url,), daemon=True) for url in answered]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answered)
