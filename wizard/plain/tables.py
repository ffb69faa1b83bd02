"""Answers as plain tables: what the machine has, what fits, what is planned, what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from wizard.contract import Catalog, Machine, Plan, Problem, RunState, Verdict
from wizard.plain.output import GREEN, RED, paint, table
from wizard.session import Desk, Outcome, way
from wizard.session.care import Check
from wizard.view import measures, telling
from wizard.words import say, units

LABEL = 7  # cells before what a machine has
Explain = Callable[[Verdict], Verdict]
BEST, NEAREST, FEW = 20, 5, 30  # lines of `offers` without `--all`


def machine(found: Machine) -> str:
    lines = [say("probe.pretend", board=found.pretend)] if found.pretend else []
    for gpu in found.gpus:
        capability = "sm_{}{}".format(*gpu.compute_capability) if gpu.compute_capability else "-"
        total, free = units.gib(gpu.total_bytes), units.gib(gpu.free_bytes)
        memory = say("probe.memory", total=total, free=free)
        lines.append(f"GPU {gpu.index}  {gpu.name}  {memory}  {capability}  {gpu.profile or ''}")
        for user in gpu.users:
            used = units.gib(user.used_bytes) if user.used_bytes is not None else "?"
            lines.append("       " + say("probe.user", name=user.name, pid=user.pid, used=used))
    if not found.gpus:
        lines.append("GPU    " + say("probe.no_gpu"))
    elif found.driver:
        cuda = "{}.{}".format(*found.cuda) if found.cuda else "-"
        lines.append("       " + say("probe.driver", driver=found.driver, cuda=cuda))
    total, free = units.gib(found.ram_bytes), units.gib(found.ram_free_bytes)
    lines.append(f"CPU    {say('probe.cpu', name=found.cpu.name, cores=found.cpu.cores, total=total, free=free)}")
    for disk in found.disks:
        speed = f"{units.gb(int(disk.bytes_per_second))}/s" if disk.bytes_per_second else ""
        kind, free = say("disk." + disk.kind), say("probe.disk", free=units.gb(disk.free_bytes))
        lines.append(f"{_label('column.disk')}{disk.path}  {free}  {kind}  {speed}".rstrip())
    lines += ["! " + _told(problem) for problem in found.problems]
    return "\n".join(lines)


def _label(key: str) -> str:
    from rich.cells import set_cell_size

    return set_cell_size(say(key), LABEL)


def _told(problem: Problem) -> str:
    texts = telling.told(problem)
    return telling.sentence(texts["what"], texts["next"])


def hubs(seconds: Mapping[str, float | None]) -> str:
    told = [
        say("view.hardware.hub_silent", hub=say(f"hub.{hub}"))
        if taken is None
        else say("view.hardware.hub_answers", hub=say(f"hub.{hub}"), seconds=f"{taken:.1f}")
        for hub, taken in seconds.items()
    ]
    text = say("view.comma").join(told) or say("view.hardware.hub_offline")
    return _label("view.hardware.hub") + text


def offers(verdicts: Sequence[Verdict], catalog: Catalog, explained: Explain, *, whole: bool) -> str:
    """Best first; what does not fit keeps its arithmetic and the nearest change that would lift it, which `explained`
    finds."""
    if whole or len(verdicts) <= FEW:
        return _offers([explained(verdict) for verdict in verdicts], catalog)
    shown = [explained(verdict) for verdict in shortlist(verdicts)]
    lines = [_offers(shown, catalog)]
    if left := len(verdicts) - len(shown):
        fitting = sum(verdict.status != "no" for verdict in verdicts)
        lines.append(say("plain.more_offers", left=left, fitting=fitting, all=len(verdicts)))
    return "\n".join(lines)


def shortlist(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The best, each task's first choice, and those that come closest to fitting."""
    fitting = [verdict for verdict in verdicts if verdict.status != "no"]
    advised = [verdict for verdict in fitting[BEST:] if verdict.recommended]
    return [*fitting[:BEST], *advised, *[verdict for verdict in verdicts if verdict.status == "no"][:NEAREST]]


def _offers(verdicts: Sequence[Verdict], catalog: Catalog) -> str:
    head = ["model", "method", "needs", "of", "verdict", "time", "sequence", "recipe"]
    rows = [[say(f"column.{name}") for name in head]]
    for verdict in verdicts:
        rows.append(
            [
                verdict.model,
                method_of(verdict, catalog),
                units.gib(verdict.card_bytes),
                units.gib(verdict.capacity_bytes),
                say(f"verdict.{verdict.status}"),
                units.seconds(verdict.seconds) if verdict.status != "no" else "-",
                str(verdict.knobs.seq_len),
                verdict.recipe,
            ]
        )
    text = table(rows).splitlines()
    for index, verdict in enumerate(verdicts, start=1):
        if remark := why_not(verdict) if verdict.status == "no" else marks(verdict):
            text[index] += "  " + remark
    assumed = list(_assumed(verdicts, catalog))
    return "\n".join([*text, *(["", say("plain.reckoned"), *assumed] if assumed else [])])


def marks(verdict: Verdict) -> str:
    """What else is to be said of one that fits."""
    found = [say(f"verdict.{name}") for name in ("recommended", "needs_hub") if getattr(verdict, name)]
    changed = telling.gave_up(verdict)
    return say("view.comma").join([*found, *([say("plain.gave_up", changed=changed)] if changed else [])])


def _assumed(verdicts: Sequence[Verdict], catalog: Catalog) -> Iterator[str]:
    """A line a recipe that trains: what its forecasts are made for."""
    named = dict.fromkeys(verdict.recipe for verdict in verdicts)
    for recipe in [name for name in named if catalog.methods[catalog.recipes[name].method].trains]:
        knobs, method = catalog.recipes[recipe].knobs, way(catalog.recipes[recipe], catalog)
        names = ("rank", "optimizer", "micro_batch", "accumulate", "seq_len")
        told = {name: getattr(knobs, name) for name in names}
        switch = say("view.yes" if knobs.grad_ckpt else "view.no")
        yield f"  {recipe}: " + say("plain.assumed", method=method, checkpointing=switch, **told)


def method_of(verdict: Verdict, catalog: Catalog) -> str:
    title = way(catalog.recipes[verdict.recipe], catalog)
    several = verdict.knobs.n_gpus > 1 or verdict.generator
    return say("plain.on_cards", method=title, cards=telling.cards(verdict)) if several else title


def why_not(verdict: Verdict) -> str:
    return telling.sentence(telling.shortfall(verdict), telling.remedies(verdict))


def plan(planned: Plan, commands_of: Sequence[tuple[str, str]] = ()) -> str:
    rows = [[say(f"column.{name}") for name in ("stage", "engine", "time", "memory", "disk")]]
    for number, stage in enumerate(planned.stages, start=1):
        rows.append(
            [
                f"{number} {say('stage.' + stage.name)}",
                stage.engine,
                units.seconds(stage.seconds),
                units.gib(stage.memory_bytes),
                units.gb(stage.disk_bytes),
            ]
        )
    lines = [say("plan.title", run=planned.run), table(rows)]
    lines += ["", commands(commands_of)] if commands_of else []
    if planned.pretend:
        lines += ["", say("plan.pretend", board=planned.pretend)]
    return "\n".join(lines)


def commands(lines: Sequence[tuple[str, str]]) -> str:
    return "\n".join([say("plan.commands"), *(f"  {command}" for _, command in lines)])


def runs(states: Sequence[RunState]) -> str:
    rows = [[say(f"column.{name}") for name in ("run", "status", "stage", "progress", "endpoint")]]
    for state in states:
        at = f"{state.step}/{state.total}" if state.total else ""
        value = state.latest.get(state.leading)
        progress = f"{at}  {say(f'metric.{state.leading}')} {value:.3f}" if value is not None else at
        stage = say(f"stage.{state.stage}") if state.stage else ""
        rows.append([state.run, say(f"status.{state.status}"), stage, progress, state.endpoint])
    return table(rows)


def outcome(result: Outcome, desk: Desk, *, kept: bool) -> str:
    lines = [""]
    for index, question in enumerate(result.questions):
        lines.append(f"? {question}")
        if result.before:
            lines.append(f"  {say('outcome.before')}  {_at(result.before, index)}")
        label = say("outcome.after" if result.before else "view.done.answer")
        lines.append(paint(f"  {label}  {_at(result.after, index)}", GREEN))
        lines.append("")
    if result.engine:
        lines.append(say("outcome.engine", engine=result.engine, model=result.model))
        told = [telling.told(why) for why in result.why]
        lines += [f"  {texts['what']}: {texts['why']}" for texts in told]
    if result.prompts.get("talks"):
        lines.append(f"{say('outcome.prompts')}  {telling.prompts(result.prompts, trained=result.trained)}")
    if result.losses:
        lines.append(f"{say('outcome.held_back')}  {telling.losses(result.losses)}")
    if result.quantised:
        line = f"{say('outcome.quantised')}  {telling.quantised(result.quantised)}"
        lines.append(paint(line, RED) if telling.is_worse(result.quantised) else line)
    lines += [f"{label}  {figures}" for label, figures in measures.lines(result.measured)]
    lines += [f"{say('path.' + name)}  {path}" for name, path in result.paths.items()]
    if kept and result.endpoint:
        endpoint = desk.endpoint(result.run)
        question = result.questions[0] if result.questions else "Hello"
        lines += ["", f"{say('outcome.endpoint')}  {endpoint.url}", desk.snippet(result.run, "curl", question)]
        lines += [say("outcome.stop", run=result.run), say("outcome.expose", run=result.run)]
    return "\n".join(lines)


def _at(answers: Sequence[str], index: int) -> str:
    return answers[index].replace("\n", " ") if index < len(answers) else "-"


def doctor(checks: Sequence[Check]) -> str:
    return "\n".join(_check(check) for check in checks if check.code != "problem")


def _check(check: Check) -> str:
    line = f"[{'v' if check.ok else ' '}] {say('doctor.' + check.code, **check.params)}"
    if check.problem and check.code == "engine":
        line += "  " + telling.told(check.problem)["what"]
    return line
