"""A plan as one commented TOML: everything that decides the result, exact package lists included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from wizard.contract import DataChoice, DataSource, Knobs, Plan
from wizard.plan.digests import canonical
from wizard.plan.names import id_of

FORMAT = 1
GIB, GB = 1024**3, 1e9
ABOUT: Mapping[str, str] = {
    "seq_len": "tokens a row may have; longer ones are cut",
    "micro_batch": "rows at a time",
    "accumulate": "micro-batches per step, of all cards: micro_batch x accumulate is what a step learns from",
    "max_steps": "0 = as many as the epochs ask for",
    "grad_ckpt": "recompute activations instead of keeping them: less memory, more time",
    "fused_loss": "the loss in tiles, so that the logits are never held whole",
    "zero_stage": "what several cards split up: 1 optimizer states, 2 gradients too, 3 the model as well",
    "dtype": "of what is computed: auto (as the device computes fastest), bf16, fp16, fp32",
    "attention": "auto (FlashAttention where its package and the card allow, else SDPA), flash, sdpa, eager",
    "compile": "torch.compile: pays in long runs whose rows are of one length (packed); the first steps take minutes",
    "offload_activations": "activations wait in RAM for the way back: less memory, more time",
    "fsdp": "the cards split up the model by PyTorch's FSDP2 rather than by DeepSpeed",
    "offload": "to RAM, of what is split up: none, optimizer, all (the weights too)",
    "sequence_parallel": "cards that read one sequence together, a part each",
    "nodes": "machines with so many cards each, which train as one",
    "n_gpus": "cards that share the micro-batches of a step; that serve one model, where nothing is trained",
    "save_steps": "a checkpoint this often",
    "save_minutes": "and after so many minutes; 0 = by steps alone",
}


def to_toml(plan: Plan, requirements: Mapping[str, str], facts: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            *_head(plan, facts),
            *_choice(plan, facts),
            *_serving(plan),
            *_knobs(plan),
            *_data(plan, facts),
            *_adapters(plan),
            *_lists(requirements),
        ]
    )


def _head(plan: Plan, facts: Mapping[str, Any]) -> Iterator[str]:
    forecast = plan.forecast
    yield f"# Run config of {plan.run}"
    yield "# `yichuidingyin run FILE` does it again without a question; `--check` only shows the plan."
    yield "#"
    needs = f"{forecast.card_bytes / GIB:.1f} of {forecast.capacity_bytes / GIB:.1f} GiB on {plan.device}"
    disk = f"{forecast.disk_bytes / GB:.1f} GB of disk"
    yield f"# forecast: {needs}, {sum(stage.seconds for stage in plan.stages):.0f} s, {disk}"
    for stage in plan.stages:
        yield f"# {stage.name}: {stage.engine} in {stage.environment}, digest {stage.digest[:12]}"
    for name, result in facts.items():
        plain = {key: fact for key, fact in result.items() if isinstance(fact, (int, float, str)) and fact != ""}
        if plain:
            yield _comment(f"measured, {name}: " + ", ".join(f"{key} {fact}" for key, fact in plain.items()))
        if "rehearsal" in result:
            yield _rehearsal(result["rehearsal"])
    yield ""


def _rehearsal(told: Mapping[str, Any]) -> str:
    measured, predicted = told["measured"], told["predicted"]
    beside = f", forecast {predicted['card_bytes'] / GIB:.1f} GiB" if predicted else ""
    return f"# rehearsed: {measured['card_bytes'] / GIB:.1f} GiB{beside}, {measured['seconds_per_step']:.2f} s a step"


def _choice(plan: Plan, facts: Mapping[str, Any]) -> Iterator[str]:
    choice, fetched = plan.choice, facts.get("fetch", {})
    source = fetched.get("source", "")
    hub = source if source in ("modelscope", "huggingface") else choice.hub
    yield f"format = {FORMAT}"
    yield f"recipe = {value(choice.recipe)}"
    yield f"model = {value(_model(plan))}"
    yield f"hub = {value(hub)}"
    revision = value(fetched.get("revision") or choice.revision)  # what was fetched is exact, a branch is not
    yield f"revision = {revision}  # of the model on that hub, or the package that brings it"
    yield f"quantise = {value(choice.quantise)}  # the format of what is served; empty: as it was trained"
    yield f"most_worse = {choice.most_worse:g}  # the share by which its perplexity may be worse"
    yield f"evaluate = {value(choice.evaluate)}"
    yield f"benchmarks = {value(list(choice.benchmarks))}  # beside the rows that were kept back"
    yield f"serve = {value(choice.serve)}"
    yield f"port = {choice.port}  # 0 = any free one"
    yield f"questions = {value(list(choice.questions))}  # asked before and after"
    yield f"engines = {value(dict(choice.engines))}"
    yield ""


def _serving(plan: Plan) -> Iterator[str]:
    asked = plan.choice.serving
    yield "[serving]"
    trains = any(stage.name == "train" for stage in plan.stages)
    least = "what fits, up to what the model has" if trains else "seq_len of the knobs"
    yield f"context = {asked.context}  # tokens of the longest conversation; 0 = {least}"
    yield f"draft = {value(asked.draft)}  # guesses, checked many at a time: ngram, or a smaller model of the family"
    yield ""


def _model(plan: Plan) -> str:
    """As it can be found again on another machine, whose catalogue may lack it."""
    refs = [source["ref"] for source in plan.stages[0].spec.get("sources", ()) if plan.stages[0].name == "fetch"]
    return next((ref for ref in refs if id_of(ref) == plan.choice.model), plan.choice.model)


def _adapters(plan: Plan) -> Iterator[str]:
    for other in plan.choice.adapters:
        yield "[[adapters]]  # of an earlier training of this model"
        yield f"ref = {value(other.ref)}  # a run, or a folder"
        yield f"weight = {other.weight:g}  # of what it adds, where it is merged"
        yield f"name = {value(other.name)}  # that it is served under, where it is kept apart"
        yield f"sha256 = {value(other.sha256)}"
        yield ""


def _knobs(plan: Plan) -> Iterator[str]:
    yield "[knobs]"
    for item in fields(Knobs):
        about = f"  # {ABOUT[item.name]}" if item.name in ABOUT else ""
        yield f"{item.name} = {value(getattr(plan.choice.knobs, item.name))}{about}"
    yield ""
    yield from _settings(plan)
    yield ""


def _settings(plan: Plan) -> Iterator[str]:
    yield "[settings]  # of the trainer, by its library's names; before the recipe's, which are commented out"
    trained: Mapping[str, Any] = next((s.spec.get("settings", {}) for s in plan.stages if s.name == "train"), {})
    recipe = {name: given for name, given in trained.items() if name not in plan.choice.settings}
    yield from (f"# {_key(name)} = {value(given)}" for name, given in recipe.items())
    yield from (f"{_key(name)} = {value(given)}" for name, given in plan.choice.settings.items())


def _data(plan: Plan, facts: Mapping[str, Any]) -> Iterator[str]:
    data, read = plan.choice.data, facts.get("prepare", {}).get("sha256", [])
    sums = dict(enumerate(read if data.kind == "path" else []))  # of all bytes, where the plan had looked at some
    yield "[data]"
    for name in ("kind", "ref", "language"):
        yield f"{name} = {value(getattr(data, name))}"
    yield f"validation = {data.validation}  # share of the rows kept from training, whose loss is told afterwards"
    yield f"copied = {value(data.copied)}  # to this machine's disk first, where they lie on a network"
    yield f"params = {value(dict(data.params))}"
    if not data.sources:
        yield from _how_read(data, sums.get(0))
    yield ""
    for number, source in enumerate(data.sources):
        yield "[[data.sources]]"
        yield f"ref = {value(source.ref)}"
        for name in ("subset", "split", "revision"):
            if getattr(source, name):
                yield f"{name} = {value(getattr(source, name))}"
        yield f"samples = {source.samples}  # rows that are taken; 0 = all"
        yield f"times = {source.times:g}  # each of them counts so often"
        yield from _how_read(source, sums.get(number))
        yield ""


def _how_read(data: DataChoice | DataSource, sha256: str | None) -> Iterator[str]:
    for name in ("format", "encoding"):
        yield f"{name} = {value(getattr(data, name))}"
    yield f"mapping = {value(dict(data.mapping))}"
    yield f"sha256 = {value(sha256 or data.sha256)}  # other data is refused; empty it to allow some"


def _lists(requirements: Mapping[str, str]) -> Iterator[str]:
    yield "[requirements]  # the exact packages of each environment"
    for id, text in requirements.items():
        body = text if text.endswith("\n") else text + "\n"
        yield f"{_key(id)} = '''\n{body}'''" if "'''" not in body else f"{_key(id)} = {value(body)}"
    yield ""


def _comment(text: str) -> str:
    return "# " + " ".join(text.split())


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else value(name)


def value(given: Any) -> str:
    """JSON's strings, numbers and lists are TOML's too; tables and the odd characters are not."""
    if isinstance(given, Mapping):
        inside = ", ".join(f"{_key(key)} = {value(item)}" for key, item in given.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(given, (list, tuple)):
        return "[" + ", ".join(value(item) for item in given) + "]"
    if isinstance(given, str):
        return json.dumps(given, ensure_ascii=False).replace("\x7f", "\\u007f")
    return canonical(given)
