"""What each stage is told: the `spec` of its part of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wizard.contract import MEMORY_KNOBS, SERVED_TOKENS, Catalog, Choice, Generator, Model, Room, Source, Verdict
from wizard.errors import WizardError
from wizard.plan.digests import digest
from wizard.plan.rows import filled_rows
from wizard.plan.serving import asked_of

MAX_NEW_TOKENS = 64
LONG_SECONDS, SHORT_SECONDS = 600.0, 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Everything the specs are made from."""

    choice: Choice
    verdict: Verdict
    catalog: Catalog
    store: str
    key_file: str
    forecasts: tuple[Verdict, ...] = ()  # one a rung
    generator_cards: str = ""  # that a server of answers is shown

    @property
    def model(self) -> Model:
        return self.catalog.models[self.choice.model]

    @property
    def trains(self) -> bool:
        return self.catalog.methods[self.verdict.method].trains

    @property
    def task(self) -> str:
        """What the rows are made ready for: where nothing is trained, as for a model that talks."""
        return self.catalog.recipes[self.choice.recipe].task if self.trains else "sft"


def fetch(order: Order) -> dict[str, Any]:
    model = order.model
    return {
        "model": model.id,
        "sources": [asdict(source) for source in sources_of(model, order.choice.hub, order.choice.revision)],
        "folder": f"{order.store}/models/{model.id}",
        "hub": order.choice.hub,
    }


def sources_of(model: Model, hub: str, revision: str = "") -> list[Source]:
    """The bundled one needs no hub, so it stands alone; a chosen hub and revision pin the rest."""
    own = [source for source in model.sources if source.kind in ("bundled", "path")]
    if own and hub == "auto":
        return own[:1]
    found = [source for source in model.sources if hub in ("auto", source.kind)]
    if not found:
        raise WizardError("model-not-on-hub", model=model.title, hub=hub)
    return [pinned(source, revision) for source in found]


def pinned(source: Source, revision: str) -> Source:
    return Source(kind=source.kind, ref=source.ref, revision=revision or source.revision, bytes=source.bytes)


def prepare(order: Order) -> dict[str, Any]:
    data, knobs = order.choice.data, asdict(order.choice.knobs)
    spec: dict[str, Any] = {
        "data": {
            "kind": data.kind,
            "ref": data.ref if data.kind == "bundled" else "",
            "params": dict(data.params),
            "language": data.language,
            "sha256": data.sha256,
            "validation": data.validation,
            "copied": data.copied,
            "sources": [asdict(source) for source in data.mixed()],
        },
        "task": order.task,
        "knobs": {"seq_len": knobs["seq_len"], "seed": knobs["seed"]},
        "questions": list(order.choice.questions),
    }
    if data.kind == "bundled":
        rows = filled_rows(order.catalog.datasets[data.ref], data.language, data.params)
        spec["rows"] = [{"question": question, "answer": answer} for question, answer in rows]
        spec["data"]["sha256"] = bundled_sha(spec["rows"])
        if data.sha256 not in ("", spec["data"]["sha256"]):
            raise WizardError("data-not-the-same", name=data.ref)
    return spec


def bundled_sha(rows: list[dict[str, str]]) -> str:
    return digest(rows)


def train(order: Order) -> dict[str, Any]:
    return {
        **trained_by(order),
        "knobs": asdict(order.choice.knobs),
        "device": order.verdict.device,
        "rehearse": worth_rehearsing(order.verdict, order.choice),
        "rehearsal": {
            "case": dict(order.verdict.case),
            "forecasts": [forecast(verdict) for verdict in order.forecasts or (order.verdict,)],
        },
        **({"generator": generator(order, order.verdict.generator)} if order.verdict.generator else {}),
    }


def generator(order: Order, judged: Generator) -> dict[str, Any]:
    engine = order.catalog.engines[order.verdict.engines["train"]]
    return {
        "engine": engine.id,
        "argv": list(engine.argv),
        "cards": order.generator_cards,
        "count": len(judged.gpus),
        "passing_bytes": judged.passing_bytes,
    }


def trained_by(order: Order) -> dict[str, Any]:
    """What is trained and by what: the stages behind the training are told it too."""
    recipe, method = order.catalog.recipes[order.choice.recipe], asdict(order.catalog.methods[order.verdict.method])
    told = ("id", "base", "trainable", "tuner", "settings", "arguments")
    return {
        "trainer": recipe.trainer,
        "settings": {**recipe.settings, **order.choice.settings},
        "method": {name: method[name] for name in told},
    }


def worth_rehearsing(verdict: Verdict, choice: Choice) -> bool:
    """Before hours on a card; a run that is as short as its rehearsal finds out as soon by itself."""
    seconds = verdict.stage_seconds.get("train", 0.0)
    if verdict.device != "cuda" or choice.data.kind == "bundled" or seconds < SHORT_SECONDS or choice.knobs.nodes > 1:
        return False
    return verdict.status == "tight" or (seconds > LONG_SECONDS and verdict.basis != "measured")


def forecast(verdict: Verdict) -> dict[str, Any]:
    knobs = asdict(verdict.knobs)
    return {
        "knobs": {name: knobs[name] for name in MEMORY_KNOBS},
        "peak_bytes": verdict.peak_bytes,
        "reserved_bytes": verdict.reserved_bytes,
        "card_bytes": verdict.card_bytes,
        "seconds_per_step": round(verdict.step_seconds, 4),
    }


def merge(order: Order) -> dict[str, Any]:
    return {
        **trained_by(order),
        "merge": order.catalog.recipes[order.choice.recipe].merge,
        "adapters": [asdict(other) for other in order.choice.adapters],
        "questions": list(order.choice.questions),
        "max_new_tokens": MAX_NEW_TOKENS,
        "seq_len": order.choice.knobs.seq_len,
        "device": order.verdict.merge_device,
        "weight_bytes": order.verdict.merge_weight_bytes,
    }


def quantise(order: Order) -> dict[str, Any]:
    format = order.catalog.formats[order.choice.quantise]
    return {
        **trained_by(order),
        "format": format.id,
        "maker": format.maker,
        "quantising": {**format.settings, "groups": list(format.groups)},
        "calibrated": format.calibrated,
        "most_worse": order.choice.most_worse,
        "questions": list(order.choice.questions),
        "max_new_tokens": MAX_NEW_TOKENS,
        "seq_len": order.choice.knobs.seq_len,
        "seed": order.choice.knobs.seed,
        "device": order.verdict.merge_device,  # where there is room for all of its weights
        "weight_bytes": order.verdict.merge_weight_bytes,
    }


def evaluate(order: Order) -> dict[str, Any]:
    return {
        **trained_by(order),
        "benchmarks": [benchmark(order.catalog, order.store, name) for name in order.choice.benchmarks],
        "seq_len": order.choice.knobs.seq_len,
        "seed": order.choice.knobs.seed,
        "device": order.verdict.merge_device,  # the base is read in 16 bits here too
    }


def benchmark(catalog: Catalog, store: str, name: str) -> dict[str, Any]:
    """`copy`: the folder in which its data may lie, as the hub has them."""
    told = asdict(catalog.benchmarks[name])
    shown = ("title", "measures", "verified", "yours")
    return {**{key: value for key, value in told.items() if key not in shown}, "copy": copy_of(store, name)}


def copy_of(store: str, name: str) -> str:
    return f"{store}/benchmarks/{name}"


def serve(order: Order) -> dict[str, Any]:
    engine, choice = order.catalog.engines[order.verdict.engines["serve"]], order.choice
    room = order.verdict.room or Room(context=context(order), cards=1 if order.trains else choice.knobs.n_gpus)
    reader = order.catalog.formats[choice.quantise].readers.get(engine.id) if choice.quantise else None
    values = asked_of(engine, order.model, room, choice.serving, order.store)
    return {
        "engine": engine.id,
        "trainer": order.catalog.recipes[choice.recipe].trainer,
        "argv": [*engine.argv, *(reader.argv if reader else ())],
        "options": {name: list(engine.options[name]) for name in values},
        "values": values,
        "adapter_argv": list(engine.adapter_argv),
        "host": "127.0.0.1",
        "port": choice.port,
        "key_file": order.key_file,
        "served_name": f"{choice.model}-{choice.recipe}",
        "questions": list(choice.questions),
        "max_new_tokens": MAX_NEW_TOKENS,
        "context": room.context,
        "device": order.verdict.device,
        "dtype": reader.dtype if reader else "",
        "health": engine.health,
        "why": [{"code": note.code, "params": dict(note.params)} for note in order.verdict.engine_notes],
    }


def context(order: Order) -> int:
    """Where nothing is trained, what was judged to fit."""
    most = SERVED_TOKENS[order.verdict.device] if order.trains else order.choice.knobs.seq_len
    return min(order.model.max_len, most)


MAKERS: Mapping[str, Any] = {
    "fetch": fetch,
    "prepare": prepare,
    "train": train,
    "merge": merge,
    "quantise": quantise,
    "evaluate": evaluate,
    "serve": serve,
}
