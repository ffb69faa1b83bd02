"""A model family is one file; each checkpoint in it becomes a Model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wizard.contract import Architecture, Model, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    tied: bool
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    id: str
    title: str
    params: int
    architecture: Dimensions
    sources: tuple[Source, ...]
    max_len: int = 0
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the checkpoints of one file share."""

    family: str
    licence: str
    max_len: int
    template: str
    models: tuple[Checkpoint, ...]
    gated: bool = False
    modality: tuple[str, ...] = ("text",)


def models_of(family: Family, *, yours: bool) -> Mapping[str, Model]:
    return {point.id: _model(family, point, yours) for point in family.models}


def _model(family: Family, point: Checkpoint, yours: bool) -> Model:
    shape = point.architecture
    return Model(
        id=point.id,
        title=point.title,
        params=point.params,
        architecture=Architecture(
            family=family.family,
            **{name: getattr(shape, name) for name in shape.__slots__},
        ),
        modality=family.modality,
        max_len=point.max_len or family.max_len,
        licence=point.licence or family.licence,
        gated=family.gated,
        sources=point.sources,
        template=family.template,
        yours=yours,
    )
