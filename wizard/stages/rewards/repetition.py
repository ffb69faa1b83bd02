"""A penalty for going round in circles: the share of n-grams that were there before, as a number from 0 to -1.

"Demystifying Long Chain-of-Thought Reasoning in LLMs" (arXiv:2502.03373, section 4.4 and appendix), in the form of
Open-R1's get_repetition_penalty_reward, where n is 3 too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

GRAM = 3
WORDS = re.compile(r"[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]|[^\W_]+")  # a sign of Chinese, Japanese, Korean; a word


def reward(texts: Sequence[str]) -> list[float | None]:
    return [penalty(text) for text in texts]


def penalty(text: str) -> float:
    words = [word.casefold() for word in WORDS.findall(text)]
    grams = list(zip(*(words[start:] for start in range(GRAM)), strict=False))
    return len(set(grams)) / len(grams) - 1.0 if grams else 0.0
