"""How alike an answer and its reference are: the same, or by the words and letters they share.

Exact match after whitespace and case; ROUGE-L (Lin 2004) as F1 of the longest common subsequence; BLEU (Papineni 2002)
and chrF (Popovic 2015) of all answers together, by sacrebleu. Chinese, Japanese and Thai are cut into characters, which
rouge_score would drop.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from statistics import median

UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f"  # kana, ideographs, Thai
PIECE = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
WORDY = 4  # words of a usual reference: where it is shorter, only the same answer is the right one
MANY_UNSPACED = 0.3  # share of the pieces


class Pieces:
    """What rouge_score asks to cut texts up."""

    def tokenize(self, text: str) -> list[str]:
        return pieces(text)


def pieces(text: str) -> list[str]:
    return PIECE.findall(unicodedata.normalize("NFKC", text).casefold())


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def exact(answers: Sequence[str], references: Sequence[str]) -> list[float]:
    pairs = zip(answers, references, strict=True)
    return [float(folded(answer) == folded(reference)) for answer, reference in pairs]


def wordy(references: Sequence[str]) -> bool:
    """Whether likeness says more than equality: a name or a number is right or wrong."""
    return bool(references) and median(len(pieces(text)) for text in references) >= WORDY


def rouge_l(answers: Sequence[str], references: Sequence[str]) -> list[float]:
    """0 to 1 of each."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], tokenizer=Pieces())
    pairs = zip(answers, references, strict=True)
    return [float(scorer.score(reference, answer)["rougeL"].fmeasure) for answer, reference in pairs]


def bleu(answers: Sequence[str], references: Sequence[str]) -> tuple[float, str]:
    """0 to 100, and the way in which sacrebleu cut the texts."""
    from sacrebleu import corpus_bleu

    way = "zh" if unspaced(references) else "13a"
    return float(corpus_bleu(list(answers), [list(references)], tokenize=way).score), way


def chrf(answers: Sequence[str], references: Sequence[str]) -> float:
    """0 to 100."""
    from sacrebleu import corpus_chrf

    return float(corpus_chrf(list(answers), [list(references)]).score)


def unspaced(texts: Sequence[str]) -> bool:
    found = [piece for text in texts for piece in pieces(text)]
    cut = sum(bool(re.match(rf"[{UNSPACED}]", piece)) for piece in found)
    return cut > MANY_UNSPACED * max(1, len(found))
