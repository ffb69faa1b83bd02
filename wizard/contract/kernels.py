"""What kernels can do: the memory law and the simulation that it is compared with take it from here."""

from __future__ import annotations

FLASH_WIDEST = 256  # the widest head that FlashAttention takes
