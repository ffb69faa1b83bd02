"""Choice and verdict in, plan out: stages, their specs, environments and digests, all decided before anything runs."""

from __future__ import annotations

import ast
import re
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from math import ceil
from pathlib import Path

from wizard.contract import Catalog, Choice, Environment, Machine, Plan, Source, Stage, StageName, Verdict
from wizard.contract.sharing import contradiction, generator_cards, written_by
from wizard.contract.trainers import misspelt
from wizard.errors import ExitCode, WizardError
from wizard.plan.digests import stage_digest
from wizard.plan.environments import environments_of
from wizard.plan.specs import MAKERS, Order, sources_of
from wizard.strict import nearest

FOLDERS: Mapping[StageName, str] = {
    "fetch": "01-fetch",
    "prepare": "02-prepare",
    "train": "03-train",
    "merge": "04-merge",
    "quantise": "05-quantise",
    "evaluate": "06-evaluate",
    "serve": "07-serve",
}
INPUTS: Mapping[StageName, tuple[StageName, ...]] = {
    "fetch": (),
    "prepare": ("fetch",),
    "train": ("fetch", "prepare"),
    "merge": ("fetch", "prepare", "train"),
    "quantise": ("prepare", "merge"),
    "evaluate": ("fetch", "prepare", "train", "merge", "quantise"),
    "serve": ("prepare", "merge", "quantise"),
}
OUTPUTS: Mapping[StageName, tuple[str, ...]] = {
    "fetch": ("model",),
    "prepare": ("rows", "report", "prompts"),
    "train": ("adapter",),
    "merge": ("merged",),
    "quantise": ("quantised",),
    "evaluate": ("report",),
    "serve": (),
}
WHOLE = ("model",)  # of the training, where all of the model is trained
CACHE_GIB, GIB = "VLLM_CPU_KVCACHE_SPACE", 1024**3
ON_THE_CARD = ("train", "merge", "quantise", "evaluate", "serve")
AFTER_TRAINING = ("merge", "quantise", "evaluate", "serve")


def run_id(choice: Choice, *, created: float, salt: str) -> str:
    return f"{time.strftime('%Y%m%d', time.localtime(created))}-{choice.model}-{choice.recipe}-{salt}"


def compile_plan(
    choice: Choice,
    verdict: Verdict,
    machine: Machine,
    catalog: Catalog,
    *,
    run: str,
    created: float,
    language: str,
    lock_text: Callable[[str], str],
    store: str = "",
    key_file: str = "",
    forecasts: Sequence[Verdict] = (),
    helper: bool = False,
) -> tuple[Plan, Mapping[str, str]]:
    """The plan, and the exact package list of each of its environments. `forecasts`: of each rung, for a rehearsal.
    `helper`: one of several machines, and not the first: what comes after training is not its own."""
    choice = replace(choice, knobs=verdict.knobs)
    hold_possible(choice, verdict, catalog)
    engines = engines_of(choice, verdict, catalog)
    if helper and choice.knobs.nodes > 1:
        engines = {name: engine for name, engine in engines.items() if name not in AFTER_TRAINING}
    bundled = [source for source in sources_of(catalog.models[choice.model], choice.hub) if source.kind == "bundled"]
    carriers = [source.ref for source in bundled]
    environments, requirements = environments_of([*engines.values(), *carriers], choice, verdict, catalog, lock_text)
    for source in bundled:
        choice = replace(choice, revision=carried(source, choice, requirements[environments[source.ref].id]))
    order = Order(
        choice=choice,
        verdict=verdict,
        catalog=catalog,
        store=store,
        key_file=key_file,
        forecasts=tuple(forecasts),
        generator_cards=named(verdict.generator.gpus, machine) if verdict.generator else "",
    )
    stages: list[Stage] = []
    for name in FOLDERS:
        if name in engines:
            assets = tuple(environments[carrier].id for carrier in carriers) if name == "fetch" else ()
            shown = cards_shown(name, verdict, machine)
            stages.append(stage_of(name, order, environments[engines[name]], assets, stages, environments, shown))
    sums = [stage.spec["data"]["sha256"] for stage in stages if stage.name == "prepare"]
    data = replace(choice.data, sha256=sums[0]) if sums else choice.data
    plan = Plan(
        run=run,
        created=created,
        language=language,
        choice=replace(choice, data=data, engines=engines),
        device=verdict.device,
        gpus=verdict.gpus,
        stages=tuple(stages),
        environments=tuple(environments.values()),
        forecast=verdict,
        pretend=machine.pretend,
    )
    return plan, requirements


def hold_possible(choice: Choice, verdict: Verdict, catalog: Catalog) -> None:
    """Raises the Problem of knobs that cards cannot share by, or of a misspelt setting: nothing is downloaded yet."""
    numbers, base = catalog.models[choice.model].architecture, catalog.methods[verdict.method].base
    recipe = catalog.recipes[choice.recipe]
    generator = generator_cards(recipe) > 0
    if found := contradiction(asdict(choice.knobs), base, numbers.heads, numbers.kv_heads, generator):
        raise WizardError(found.code, **found.params)
    own, asked = written_by(recipe.settings), written_by({**recipe.settings, **choice.settings})
    if asked not in (own, "transformers") and "vllm_server_base_url" not in choice.settings:
        raise WizardError("generator-otherwise", recipe=recipe.id, own=own, asked=asked)
    for name, told, known in misspelt(recipe.trainer, {**recipe.settings, **choice.settings}):
        near = nearest(told, known)
        raise WizardError("setting-misspelt", name=name, found=told, known=", ".join(known), nearest=near)
    rewards, python = choice.settings.get("reward_file"), verdict.pythons.get(verdict.engines.get("train", ""), "")
    if rewards and python <= "{}.{}".format(*sys.version_info):  # else what it says is not what a newer one would
        hold_readable(Path(str(rewards)))


def hold_readable(rewards: Path) -> None:
    """Of a file that is here already what Python says at once; a plan may be for another machine, which has it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(rewards.read_bytes())
    except OSError:
        return
    except (SyntaxError, ValueError) as error:
        line, said = getattr(error, "lineno", 0) or 0, getattr(error, "msg", str(error))
        raise WizardError("reward-file-syntax", path=str(rewards), error=said, line=line) from error


def carried(source: Source, choice: Choice, requirements: str) -> str:
    """The package that brings a bundled model, and its version: the only revision there is of it."""
    package = source.file.partition("/")[0].replace("_", "-")
    found = re.search(rf"(?m)^{re.escape(package)}==([^\s;]+)", requirements)
    revision = f"{package} {found[1]}" if found else choice.revision
    if choice.revision not in ("", revision):
        raise WizardError("revision-not-carried", model=choice.model, revision=choice.revision, has=revision)
    return revision


def engines_of(choice: Choice, verdict: Verdict, catalog: Catalog) -> dict[str, str]:
    """The verdict's, for the recipe's stages; a model that is not bundled is fetched by one that speaks to hubs."""
    wanted: dict[str, str] = {}
    for name in FOLDERS:
        if name in verdict.engines:
            wanted[name] = verdict.engines[name]
        elif name != "serve" and name in catalog.recipes[choice.recipe].engines:
            raise WizardError("no-engine-for-stage", stage=name, exit_code=ExitCode.NO_DEVICE)
    if not choice.serve:
        wanted.pop("serve", None)
    if sources_of(catalog.models[choice.model], choice.hub)[0].kind in ("modelscope", "huggingface"):
        hubs = [id for id in catalog.recipes[choice.recipe].engines["fetch"] if id in verdict.pythons]
        wanted["fetch"] = next((id for id in hubs if "train" not in catalog.engines[id].kinds), wanted["fetch"])
    return wanted


def stage_of(
    name: StageName,
    order: Order,
    environment: Environment,
    assets: tuple[str, ...],
    before: list[Stage],
    environments: Mapping[str, Environment],
    cards: str,
) -> Stage:
    verdict, spec = order.verdict, MAKERS[name](order)
    room = cache_room(order) if name == "serve" else {}
    built_on = inputs_of(name, [stage.name for stage in before])
    digests: dict[str, str] = {stage.name: stage.digest for stage in before if stage.name in built_on}
    used = {item.engine: item.digest for item in environments.values() if item.id in (environment.id, *assets)}
    return Stage(
        name=name,
        folder=FOLDERS[name],
        engine=environment.engine,
        environment=environment.id,
        assets=assets,
        spec=spec,
        rungs=verdict.rungs if name == "train" else ({},),
        inputs=built_on,
        outputs=WHOLE if name == "train" and spec["method"]["trainable"] == "all" else OUTPUTS[name],
        digest=stage_digest(name, spec, used, digests),
        variables={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": cards, **room},
        seconds=verdict.stage_seconds.get(name, 0.0),
        memory_bytes=verdict.stage_memory.get(name, 0),
        disk_bytes=verdict.stage_disk.get(name, 0),
        service=name == "serve",
    )


def inputs_of(name: StageName, before: Sequence[StageName]) -> tuple[StageName, ...]:
    """Of the stages before it those that it reads. Where nothing was merged it works on the model as it was fetched."""
    wanted = INPUTS[name]
    if "merge" in wanted and "merge" not in before and "fetch" not in wanted:
        wanted = ("fetch", *wanted)
    return tuple(earlier for earlier in wanted if earlier in before)


def cache_room(order: Order) -> dict[str, str]:
    """The GiB that an engine is told by a variable, where its cache is not all that is left of a card."""
    usual = order.catalog.engines[order.verdict.engines["serve"]].environment.get(CACHE_GIB)
    wanted = ceil(order.verdict.cache_bytes / GIB)
    return {CACHE_GIB: str(wanted)} if usual and wanted > int(usual) else {}


def cards_shown(name: str, verdict: Verdict, machine: Machine) -> str:
    """None to a stage that works on the CPU. CUDA numbers cards as NVML does, but slices of a card it knows by name."""
    if name not in ON_THE_CARD or (name == "evaluate" and verdict.merge_device == "cpu"):
        return ""
    elsewhere = verdict.generator.gpus if verdict.generator and name == "train" else ()
    return named([index for index in verdict.gpus if index not in elsewhere], machine)


def named(cards: Sequence[int], machine: Machine) -> str:
    """As CUDA_VISIBLE_DEVICES."""
    cut = any(gpu.mig for gpu in machine.gpus)
    names = {gpu.index: gpu.uuid for gpu in machine.gpus} if cut else {}
    return ",".join(names.get(index, str(index)) for index in cards)
