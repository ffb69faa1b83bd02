"""Which hardware profile a card is: by the name NVML gives it and, where names are shared, by its memory."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wizard.contract import Board

SAME_MEMORY = 0.12  # ECC and the driver's own share move the total by up to 7 %


def board_of(name: str, total_bytes: int, boards: Mapping[str, Board]) -> str | None:
    """The id of the profile; None for a card of that name with other memory: its figures would be wrong."""
    named = [board for board in boards.values() if is_named(board, name) and may_have(board, total_bytes)]
    closest = min(named, key=lambda board: abs(board.total_bytes - total_bytes), default=None)
    return closest.id if closest else None


def may_have(board: Board, total_bytes: int) -> bool:
    """A unified board's memory is the host's, of which a container may show less."""
    more = total_bytes - board.total_bytes
    return more <= SAME_MEMORY * board.total_bytes and (board.unified or -more <= SAME_MEMORY * board.total_bytes)


def is_named(board: Board, name: str) -> bool:
    return any(re.fullmatch(pattern, name.strip(), re.IGNORECASE) for pattern in board.patterns)
