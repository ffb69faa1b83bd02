"""`--pretend ID[xN]`: the machine one would have with N cards of a hardware profile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from wizard.contract import Board, Disk, Gpu, Machine
from wizard.errors import WizardError

MOST_CARDS = 64
NAMED = 8
RAM_PER_CARD = 2  # rented machines carry about twice their cards' memory in RAM
DISK_BYTES = 1_000_000_000_000
DRIVER = "580.65.06"  # the first release that runs CUDA 13, and still every card since Maxwell
CUDA = (13, 0)
JETPACK_DRIVER, JETPACK_CUDA = "540.4.0", (12, 6)  # JetPack 6, which Orin modules are delivered with
ARM = "Arm (aarch64)"
TOOLS = ("c++", "cc", "python-headers")


def pretend(text: str, boards: Mapping[str, Board], base: Machine) -> Machine:
    """`base` with the cards of `text`; driver, compiler, RAM and disk are taken to be what such a machine has."""
    board, count = parse(text, boards)
    cards = tuple(card(board, index) for index in range(count if board.total_bytes else 0))
    if not cards:
        return replace(base, gpus=(), driver=None, cuda=None, problems=(), pretend=text)
    ram, ram_free = memory(board, cards, base)
    jetpack = "jetpack" in board.quirks
    return replace(
        base,
        gpus=cards,
        cpu=replace(base.cpu, name=ARM, arch="aarch64", flags=()) if "arm-host" in board.quirks else base.cpu,
        driver=JETPACK_DRIVER if jetpack else DRIVER,
        cuda=JETPACK_CUDA if jetpack else CUDA,
        ram_bytes=ram,
        ram_free_bytes=ram_free,
        disks=tuple(roomy(disk) for disk in base.disks[:1]),
        tools=tuple(sorted({*base.tools, *TOOLS})),
        problems=(),
        pretend=text,
    )


def memory(board: Board, cards: Sequence[Gpu], base: Machine) -> tuple[int, int]:
    """RAM and what is free of it; a unified board's memory is all there is."""
    on_cards = sum(gpu.total_bytes for gpu in cards)
    if board.unified:
        return on_cards, on_cards
    ram = max(base.ram_bytes, RAM_PER_CARD * on_cards)
    return ram, ram - (base.ram_bytes - base.ram_free_bytes)


def parse(text: str, boards: Mapping[str, Board]) -> tuple[Board, int]:
    ids = names(boards)
    wanted = text.strip().lower()
    if wanted in ids:
        return boards[ids[wanted]], 1
    counted = re.fullmatch(r"(.+)x(\d+)", wanted)
    if not counted or counted[1] not in ids:
        raise unknown(text, ids, boards)
    board, count = boards[ids[counted[1]]], int(counted[2])
    if not 1 <= count <= MOST_CARDS or (not board.total_bytes and count != 1):
        raise WizardError("pretend-count", text=text, board=board.id, count=count, most=MOST_CARDS)
    return board, count


def names(boards: Mapping[str, Board]) -> dict[str, str]:
    aliases = {alias.lower(): board.id for board in boards.values() for alias in board.aliases}
    return aliases | {id.lower(): id for id in boards}


def unknown(text: str, ids: Mapping[str, str], boards: Mapping[str, Board]) -> WizardError:
    """Names the nearest board; a count in front (`2xt4`) or behind is carried over to where it belongs."""
    bare = re.fullmatch(r"(?:(\d{1,2})\s*[x*]\s*)?(.*?)(?:\s*[x*]\s*(\d{0,2}))?", text.strip().lower())
    front, word, behind = bare.groups() if bare else (None, text.lower(), None)
    near = [*dict.fromkeys(ids[name] for name in get_close_matches(word or "", list(ids), n=NAMED, cutoff=0.0))]
    best = near[0] if get_close_matches(word or "", list(ids), n=1) else ""
    count = front or behind
    suggestion = f"{best}x{count}" if best and count and int(count) > 1 else best
    return WizardError("unknown-board", text=text, nearest=suggestion, alike=", ".join(near), number=len(boards))


def card(board: Board, index: int) -> Gpu:
    return Gpu(
        index=index,
        name=board.title,
        uuid=f"pretend-{board.id}-{index}",
        total_bytes=board.total_bytes,
        free_bytes=board.total_bytes - board.reserved_bytes,
        reserved_bytes=board.reserved_bytes or None,
        compute_capability=board.compute_capability,
        mig="mig" in board.quirks or None,
        unified=board.unified,
        profile=board.id,
    )


def roomy(disk: Disk) -> Disk:
    free = max(disk.free_bytes, DISK_BYTES)
    return replace(disk, free_bytes=free, total_bytes=max(disk.total_bytes, free))
