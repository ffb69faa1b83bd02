"""Models as tables for people and as data for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from wizard.contract import Model
from wizard.plain.output import table
from wizard.session.models import Found, Held, Shown, held_of
from wizard.words import known, say, units

HUBS = ("modelscope", "huggingface")


def data(model: Model, held: Sequence[Held]) -> dict[str, Any]:
    """`here`: the first of its revisions that are here, `revisions_here`: the others."""
    return {
        "id": model.id,
        "title": model.title,
        "family": model.architecture.family,
        "params": model.params,
        "licence": model.licence,
        "gated": model.gated,
        "modality": list(model.modality),
        "context": model.max_len,
        "template": model.template,
        "yours": model.yours,
        "ids": refs(model),
        "here": next(map(asdict, held), None),
        "revisions_here": [asdict(each) for each in held[1:]],
    }


def refs(model: Model) -> dict[str, str]:
    """By hub; `path` for a folder of the person's own."""
    return {source.kind: source.ref for source in model.sources if source.kind in (*HUBS, "path")}


def found(answer: Found, words: str) -> str:
    lines = list(_with_words(answer) if words else _all(answer))
    for hub, rows in answer.hubs.items():
        if rows:
            lines += ["", say("models.on_hub", hub=say(f"hub.{hub}")), table([_row(row) for row in rows])]
    for hub, code in answer.silent.items():
        cause = f"cause.{code}"
        lines.append(say("models.silent", hub=say(f"hub.{hub}"), cause=say(cause if known(cause) else "cause.other")))
    if words and not answer.models and not any(answer.hubs.values()):
        lines.append(say("models.nothing", words=words))
        lines += [say("models.nearest", nearest=answer.nearest)] if answer.nearest else []
    return "\n".join(lines)


def _all(answer: Found) -> Iterator[str]:
    """What is here one by one, the catalogue by its families."""
    if answer.held:
        rows = [[held.id, _size(held), str(held.path)] for held in answer.held.values()]
        yield from (say("models.here", n=len(rows)), table(rows), "")
    families: dict[str, list[str]] = {}
    for model in answer.models:
        families.setdefault(model.architecture.family, []).append(model.id)
    yield say("models.catalogue", n=len(answer.models))
    yield table([[family, "  ".join(ids)] for family, ids in sorted(families.items())])
    yield from ("", say("models.more"))


def _with_words(answer: Found) -> Iterator[str]:
    if not answer.models:
        return
    head = [say(f"models.column.{name}") for name in ("id", "params", "context", "licence", "here")]
    yield table([head, *(_line(model, held_of(answer.held, model.id)) for model in answer.models)])


def _line(model: Model, held: Sequence[Held]) -> list[str]:
    marks = [say(f"models.{name}") for name in ("gated", "yours") if getattr(model, name)]
    here = [_size(each) for each in held]
    told = say("view.comma").join([*here, *marks])
    return [model.id, units.count(model.params), f"{model.max_len:,}", model.licence or "-", told]


def _size(held: Held) -> str:
    return units.gb(held.bytes) if held.whole else say("models.in_part", size=units.gb(held.bytes))


def _row(row: Mapping[str, Any]) -> list[str]:
    return [f"  {row['ref']}", units.count(row["downloads"]), say("models.gated") if row["gated"] else ""]


def shown(one: Shown) -> str:
    model, held = one.model, one.held
    rows: list[Sequence[str]] = [
        (say("models.label.id"), model.id),
        (say("models.label.params"), f"{units.count(model.params)} ({model.params:,})"),
        (say("models.label.context"), f"{model.max_len:,}"),
        (say("models.label.licence"), model.licence or "-"),
        (say("models.label.gated"), say("models.yes" if model.gated else "models.no")),
        (
            say("models.label.modality"),
            say("view.comma").join(say(f"models.modality.{kind}") for kind in model.modality),
        ),
        (say("models.label.template"), model.template or say("models.own_template")),
        *((say(f"models.label.{kind}"), ref) for kind, ref in refs(model).items()),
        *((say("models.label.here"), f"{_size(each)}  {each.path}") for each in held),
        *([] if held else [(say("models.label.here"), say("models.not_here"))]),
        *([(say("models.label.file"), str(one.file))] if one.file else []),
    ]
    cards = [
        (f"  {method}", say("models.card", gib=gib) if gib else say("models.no_card"))
        for method, gib in one.cards.items()
    ]
    return "\n".join([model.title, table(rows), "", say("models.cards"), table(cards)])
