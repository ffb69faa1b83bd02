"""What the recipes say of themselves, against what this program forecasts."""

from __future__ import annotations

from statistics import median

import pytest

from wizard.contract import Verdict
from wizard.journal import Home
from wizard.session import Desk


@pytest.fixture
def roomy(home: Home) -> dict[tuple[str, str], Verdict]:
    """On a card that holds all but the largest, those that gave up nothing."""
    home.root.mkdir()
    verdicts = Desk(home, pretend="h100-sxm").offers("sft", terms=False)
    return {(v.recipe, v.model): v for v in verdicts if v.status != "no" and not v.gave_up}


def ratios(verdicts: dict[tuple[str, str], Verdict], recipe: str) -> tuple[float, float]:
    """Memory and time of training against LoRA's, of the model in the middle."""
    pairs = [
        (verdicts["sft-lora", m], v) for (r, m), v in verdicts.items() if r == recipe and ("sft-lora", m) in verdicts
    ]
    memory = median(other.card_bytes / base.card_bytes for base, other in pairs)
    return memory, median(other.stage_seconds["train"] / base.stage_seconds["train"] for base, other in pairs)


def test_qlora_needs_about_half_and_trains_about_a_third_longer(roomy: dict[tuple[str, str], Verdict]) -> None:
    memory, time = ratios(roomy, "sft-qlora")
    assert 0.42 < memory < 0.58
    assert 1.25 < time < 1.42


def test_dora_needs_about_a_sixth_more_and_trains_about_a_third_longer(roomy: dict[tuple[str, str], Verdict]) -> None:
    memory, time = ratios(roomy, "sft-dora")
    assert 1.1 < memory < 1.25
    assert 1.25 < time < 1.42
