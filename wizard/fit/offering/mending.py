"""What it takes until a case runs: the machine is given what the verdict says that it lacks, and judged again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from wizard.contract import Gpu, Knobs, Machine, Problem, Remedy, Verdict
from wizard.fit.memory.law import GIB
from wizard.fit.offering.engines import CUDA_12_DRIVER, CUDA_13_DRIVER

CARDS_GIB = (6, 8, 11, 12, 16, 20, 24, 32, 40, 48, 80, 96, 141, 180)
USABLE = 0.96  # of what is written on a card's box
MOST_CARDS = 8  # of one machine, as they are rented
VISITS = 8
MODERN = (8, 0)  # a card that is bought has bf16
DRIVERS = {CUDA_12_DRIVER: (12, 0), CUDA_13_DRIVER: (13, 0)}


class Situation(NamedTuple):
    """Everything that a remedy may change."""

    machine: Machine
    recipe: str
    model: str
    knobs: Knobs | None
    home_free: int


class Mended(NamedTuple):
    found: Verdict
    steps: tuple[Remedy, ...]

    def lifts(self, reason: Problem) -> bool:
        """Without what lifts that reason by itself."""
        return KEYS.get(reason.code, "") not in {KEYS[remedy.code] for remedy in self.steps}


Judge = Callable[[Situation], Verdict]
Step = tuple[Remedy, Situation]
KEYS = {  # of reasons and of what lifts them
    "short-of-memory-cpu": "ram", "short-of-ram": "ram", "more-ram": "ram",
    "short-of-disk": "disk", "more-disk": "disk", "other-disk": "disk",
    "draft-too-big": "card",
    "short-of-memory-cuda": "card", "short-of-memory-generator": "card",
    "needs-gpu": "card", "needs-cards": "card", "engine-needs-capability": "card",
    "bigger-card": "card", "newer-card": "card", "bigger-cards": "card", "newer-cards": "card",
    "driver-runs-no-build": "driver", "engine-needs-driver": "driver", "engine-needs-build": "driver",
    "newer-driver": "driver",
    "engine-needs-system": "install", "install": "install",
    "engine-needs-python": "python", "other-python": "python",
}  # fmt: skip


def mended(at: Situation, judged: Judge, buying: bool) -> Mended | None:
    """With all that it takes, None where nothing helps. `buying`: cards and drivers too, not only room."""
    steps: dict[str, Remedy] = {}
    found = judged(at)
    for _ in range(VISITS):
        if found.reason is None and not (found.status == "tight" and "card" in steps):
            return Mended(found, tuple(steps.values()))
        kind = KEYS.get(found.reason.code, "") if found.reason else "card"
        step = None
        if kind == "card" and buying:
            step = _card(at, found, steps.get("card"))
        elif found.reason and kind in STEPS and (buying or kind != "driver"):
            step = STEPS[kind](at, found, found.reason)
        if step is None:
            return None if found.reason else Mended(found, tuple(steps.values()))
        steps[kind], at = step
        found = judged(at)
    return None


def _ram(at: Situation, found: Verdict, reason: Problem) -> Step:
    own = found.safe_bytes if reason.code == "short-of-memory-cpu" else found.ram_bytes
    needed = max(own, at.machine.ram_free_bytes)
    roomy = replace(at.machine, ram_free_bytes=needed, ram_bytes=max(needed, at.machine.ram_bytes))
    return Remedy(code="more-ram", params={"needed_bytes": needed}), at._replace(machine=roomy)


def _disk(at: Situation, found: Verdict, reason: Problem) -> Step:
    others = sorted(at.machine.disks[1:], key=lambda disk: -disk.free_bytes)
    enough = (disk for disk in others if disk.kind != "memory" and disk.free_bytes >= found.disk_bytes)
    if best := next(enough, None):
        remedy = Remedy(code="other-disk", params={"path": best.path, "free_bytes": best.free_bytes})
        return remedy, at._replace(home_free=best.free_bytes)
    remedy = Remedy(code="more-disk", params={"needed_bytes": found.disk_bytes})
    return remedy, at._replace(home_free=found.disk_bytes)


def _driver(at: Situation, found: Verdict, reason: Problem) -> Step | None:
    """The oldest that serves; one for CUDA 13 where that is what is lacking."""
    wanted = CUDA_13_DRIVER if reason.code == "engine-needs-build" else int(reason.params["needed"])
    if (at.machine.cuda or (0, 0)) >= (13, 0):
        return None
    cuda = DRIVERS[CUDA_13_DRIVER if wanted >= CUDA_13_DRIVER else CUDA_12_DRIVER]
    newer = replace(at.machine, driver=str(wanted), cuda=cuda)
    return Remedy(code="newer-driver", params={"needed": str(wanted)}), at._replace(machine=newer)


def _card(at: Situation, found: Verdict, bought: Remedy | None) -> Step | None:
    """As many cards as it was judged on, of the smallest size that holds its part; the next one where that is tight."""
    size = max(found.safe_bytes, found.generator.safe_bytes if found.generator else 0)
    code = found.reason.code if found.reason else ""
    least = bought.params["gib"] if bought and not code else 0
    gib = next((gib for gib in CARDS_GIB if gib * GIB * USABLE >= size and gib > least), 0)
    if not gib:
        return None
    cards = [gpu for gpu in at.machine.gpus if gpu.index in found.gpus]
    remedy = Remedy(
        code=bought.code if bought else "bigger-cards" if len(cards) > 1 else "bigger-card",
        params={**(bought.params if bought else {"cards": len(cards)}), "gib": gib, "needed_bytes": size},
    )
    machine = at.machine
    if code == "needs-cards":
        cards = [clone(cards[0], index) for index in range(MOST_CARDS)]
        remedy = replace(remedy, code="bigger-cards", params={**remedy.params, "cards": MOST_CARDS})
    elif found.reason and code == "engine-needs-capability":
        needed = found.reason.params["needed"]
        major, minor = (int(part) for part in needed.split("."))
        cards = [replace(gpu, compute_capability=(major, minor), profile=None) for gpu in cards]
        code = "newer-cards" if len(cards) > 1 else "newer-card"
        remedy = replace(remedy, code=code, params={**remedy.params, "capability": needed})
    elif not cards:
        cards = [Gpu(index=0, name="", uuid="", total_bytes=0, free_bytes=0, compute_capability=MODERN)]
        machine = replace(machine, driver=str(CUDA_13_DRIVER), cuda=DRIVERS[CUDA_13_DRIVER])
    return remedy, at._replace(machine=with_cards(machine, [sized(gpu, gib) for gpu in cards]))


def sized(gpu: Gpu, gib: int) -> Gpu:
    """A card of its own memory, with nothing on it."""
    return replace(gpu, total_bytes=gib * GIB, free_bytes=int(gib * GIB * USABLE), reserved_bytes=None, unified=False)


def clone(gpu: Gpu, index: int) -> Gpu:
    return replace(gpu, index=index, uuid=f"{gpu.uuid}-{index}")


def with_cards(machine: Machine, cards: list[Gpu]) -> Machine:
    return replace(machine, gpus=tuple(cards))


def _install(at: Situation, found: Verdict, reason: Problem) -> Step:
    names = [name.strip() for name in reason.params["needed"].split(",")]
    headers = [f"{name}-{version}" for name in names for version in at.machine.pythons]
    there = replace(at.machine, tools=(*at.machine.tools, *names, *headers))
    return Remedy(code="install", params={"command": reason.params["command"]}), at._replace(machine=there)


def _python(at: Situation, found: Verdict, reason: Problem) -> Step:
    version = reason.params["needed"].split(",")[0].strip()
    there = replace(at.machine, pythons={**at.machine.pythons, version: version})
    return Remedy(code="other-python", params={"needed": version}), at._replace(machine=there)


STEPS: Mapping[str, Callable[[Situation, Verdict, Problem], Step | None]] = {
    "ram": _ram,
    "disk": _disk,
    "driver": _driver,
    "install": _install,
    "python": _python,
}
