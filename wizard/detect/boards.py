"""Which hardware profile a card is: by the name NVML gives it and, where names are shared, by its memory."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wizard.contract import Board

SAME_MEMORY = 0.12  # ECC and the driver's own share move the total by up to 7 %


def board_of(name: str, total_bytes: int, boards: Mapping[str, Board]) -> str | None:
    """The id of the profile; None for a card of that name with other memory: its figures would be wrong."""
    named = [board for board in boards.values() if is_named(board, name)]
    if not named:
        return None
    closest = min(named, key=lambda board: abs(board.total_bytes - total_bytes))
    return closest.id if abs(closest.total_bytes - total_bytes) <= SAME_MEMORY * closest.total_bytes else None


def is_named(board: Board, name: str) -> bool:
    return any(re.fullmatch(pattern, name.strip(), re.IGNORECASE) for pattern in board.patterns)
