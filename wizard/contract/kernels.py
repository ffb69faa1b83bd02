"""What kernels and engines can do: the laws, the simulation beside them and the stages take it from here."""

from __future__ import annotations

FLASH_WIDEST = 256  # the widest head that FlashAttention takes
SERVED_TOKENS = {"cpu": 2048, "cuda": 4096}  # the shortest conversation that is worth serving for
ADALORA_WIDER = 1.5  # it begins with so many times the rank that it ends with (arXiv:2303.10512, appendix)
MOST_OF_A_CARD = 0.92  # vLLM's own gpu-memory-utilization


def share_of_card(free_bytes: int, total_bytes: int) -> float:
    """gpu-memory-utilization: vLLM does not start where less than this share of the whole card is free."""
    return min(MOST_OF_A_CARD, int(1000 * free_bytes / total_bytes) / 1000)
