"""What optimizers that do not step every number alike hold of Llama-3.1-8B, against sums done by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.fit.simulated import models
from wizard.fit.asking.cases import step_of_case
from wizard.fit.memory.law import peak_of

PARAMS, EMBEDDING, HIDDEN = 8_030_261_248, 128256 * 4096, 4096
LAYER = 4096 * (2 * 4096 + 2 * 1024 + 3 * 14336)
NARROW_AND_WIDE = [(4096, 4096), (4096, 4096), (1024, 4096), (1024, 4096), *[(4096, 14336)] * 3]


def terms(model: str = "llama-3.1-8b", **case: Any) -> Mapping[str, int]:
    """Of a short step, so that what is held throughout is what counts."""
    config = models()[model]
    peak = peak_of(step_of_case({"config": config, "method": "full", "micro_batch": 1, "seq_len": 64, **case}))
    return {term.label: term.bytes for term in peak.terms}


def test_lisa_learns_two_layers_beside_embedding_head_and_norms() -> None:
    learning = PARAMS - 30 * LAYER
    found = terms(optimizer="lisa", fused_loss=False)
    assert found["weights"] == 2 * PARAMS
    assert found["optimizer"] == 2 * 2 * learning
    assert found["gradients"] == pytest.approx(2 * learning, rel=1e-6)


def test_layers_that_rest_keep_nothing_to_learn_from() -> None:
    case = {"grad_ckpt": False, "seq_len": 4096}
    resting, learning = terms(optimizer="lisa", **case), terms(optimizer="adamw", **case)
    assert resting["activations"] < 0.75 * learning["activations"]


def test_lisa_of_a_model_with_no_more_layers_than_learn_is_adamw() -> None:
    config = {**models()["llama-3.1-8b"], "num_hidden_layers": 2}
    lisa, adamw = (
        peak_of(step_of_case({"config": config, "method": "full", "optimizer": name})).peak_bytes
        for name in ("lisa", "adamw")
    )
    assert lisa == adamw


def test_galore_projects_linear_layers_to_a_quarter_of_the_width() -> None:
    projected = sum(min(HIDDEN // 4, narrow) * (narrow + 2 * wide) for narrow, wide in NARROW_AND_WIDE)
    found = terms(optimizer="galore_adamw")
    assert found["optimizer"] == 2 * (32 * projected + 2 * (PARAMS - 32 * LAYER))
    assert found["gradients"] == pytest.approx(2 * PARAMS, rel=1e-6)  # they are there whole, all of them
    assert found["copies"] == max(2 * 2 * EMBEDDING, 4 * (2 * 4096 * 14336 + 4096**2))


def test_what_galore_keeps_is_between_sgd_s_and_adamw_s() -> None:
    for model in models():
        sgd, galore, adamw = (
            terms(model, optimizer=name).get("optimizer", 0) for name in ("sgd", "galore_adamw", "adamw")
        )
        assert sgd == 0 < galore < adamw, model
