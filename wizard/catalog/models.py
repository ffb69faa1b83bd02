"""A model family is one file; each checkpoint in it becomes a Model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from wizard.contract import Architecture, Model, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`bytes`: of the download, where it is not two for each parameter; `sources` come before the hubs."""

    id: str
    title: str
    params: int
    architecture: Architecture
    modelscope: str = ""
    huggingface: str = ""
    bytes: int = 0
    sources: tuple[Source, ...] = ()
    max_len: int = 0
    licence: str = ""
    gated: bool = False
    own_code: bool = False
    held: Literal["", "gptq", "awq"] = ""
    tasks: tuple[str, ...] | None = None
    template: str | None = None
    tools: str | None = None
    reasoning: str | None = None


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
    tasks: tuple[str, ...] = ("*",)
    advised: bool = False
    own_code: bool = False
    tools: str = ""
    reasoning: str = ""


def models_of(family: Family, *, yours: bool) -> Mapping[str, Model]:
    return {point.id: _model(family, point, yours) for point in family.models}


def _model(family: Family, point: Checkpoint, yours: bool) -> Model:
    return Model(
        id=point.id,
        title=point.title,
        params=point.params,
        architecture=replace(point.architecture, family=family.family),
        modality=family.modality,
        tasks=family.tasks if point.tasks is None else point.tasks,
        max_len=point.max_len or family.max_len,
        licence=point.licence or family.licence,
        gated=family.gated or point.gated,
        advised=family.advised,
        own_code=family.own_code or point.own_code,
        held=point.held,
        sources=_sources(point),
        template=family.template if point.template is None else point.template,
        tools=family.tools if point.tools is None else point.tools,
        reasoning=family.reasoning if point.reasoning is None else point.reasoning,
        yours=yours,
    )


def _sources(point: Checkpoint) -> tuple[Source, ...]:
    size = point.bytes or point.params * 2
    scope = Source(kind="modelscope", ref=point.modelscope, bytes=size)
    face = Source(kind="huggingface", ref=point.huggingface, bytes=size)
    return (*point.sources, *(source for source in (scope, face) if source.ref))
