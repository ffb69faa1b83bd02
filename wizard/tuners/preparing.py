"""One door to every tuner: PEFT's lay themselves around a model, others change what of it learns."""

from __future__ import annotations

from typing import Any

from wizard.tuners.unsloth import UnslothConfig, around


def prepare_model(model: Any, config: Any) -> Any:
    """`config`: of PEFT, of one of our own tuners, or None for a model that is trained as a whole."""
    if config is None:
        return model
    if isinstance(config, UnslothConfig):
        return around(model, config)
    from peft import get_peft_model

    return get_peft_model(model, config)


def is_peft(config: Any) -> bool:
    """Whether a trainer of TRL can lay it around a model itself."""
    return bool(getattr(config, "peft_type", None))
