"""Answers as plain tables: what the machine has, what fits, what is planned, what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wizard import words
from wizard.contract import Catalog, Machine, Plan, RunState, Verdict
from wizard.plain.output import GREEN, paint, table
from wizard.session import Desk, Outcome
from wizard.session.care import Check
from wizard.words import say, units

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
        free = units.gb(disk.free_bytes)
        lines.append(
            f"Disk   {disk.path}  {say('probe.disk', free=free)}  {say('disk.' + disk.kind)}  {speed}".rstrip()
        )
    lines += [_told(problem.code, problem.params) for problem in found.problems]
    return "\n".join(lines)


def _told(code: str, params: Mapping[str, object]) -> str:
    texts = words.problem(code, params)
    return f"! {texts['what']}. {texts['next']}"


def offers(verdicts: Sequence[Verdict], catalog: Catalog, *, whole: bool) -> str:
    """Best first; what does not fit keeps its arithmetic and the nearest change that would lift it."""
    if whole or len(verdicts) <= FEW:
        return _offers(verdicts, catalog)
    shown = shortlist(verdicts)
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
                catalog.models[verdict.model].title,
                method_of(verdict, catalog),
                units.gib(verdict.card_bytes),
                units.gib(verdict.capacity_bytes),
                say(f"verdict.{verdict.status}"),
                units.seconds(verdict.seconds) if verdict.status != "no" else "-",
                str(verdict.knobs.seq_len),
                verdict.recipe + ("  *" if verdict.recommended else ""),
            ]
        )
    text = table(rows).splitlines()
    for index, verdict in enumerate(verdicts, start=1):
        if verdict.status == "no":
            text[index] += "  " + why_not(verdict)
    return "\n".join(text)


def method_of(verdict: Verdict, catalog: Catalog) -> str:
    title = catalog.methods[verdict.method].title
    return say("plain.on_cards", method=title, cards=verdict.knobs.n_gpus) if verdict.knobs.n_gpus > 1 else title


def why_not(verdict: Verdict) -> str:
    reasons = (verdict.reason, *verdict.also) if verdict.reason else ()
    why = "; ".join(words.problem(reason.code, reason.params)["what"] for reason in reasons)
    ways = "; ".join(words.remedy(way) for way in verdict.remedies)
    return f"{why}. {ways}" if ways else why


def plan(planned: Plan, commands: Sequence[tuple[str, str]]) -> str:
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
    lines = [say("plan.title", run=planned.run), table(rows), "", say("plan.commands")]
    lines += [f"  {command}" for _, command in commands]
    if planned.pretend:
        lines += ["", say("plan.pretend", board=planned.pretend)]
    return "\n".join(lines)


def runs(states: Sequence[RunState]) -> str:
    rows = [[say(f"column.{name}") for name in ("run", "status", "stage", "progress", "endpoint")]]
    for state in states:
        at = f"{state.step}/{state.total}" if state.total else ""
        loss = state.latest.get("loss")
        progress = f"{at}  {say('metric.loss')} {loss:.3f}" if loss is not None else at
        stage = say(f"stage.{state.stage}") if state.stage else ""
        rows.append([state.run, say(f"status.{state.status}"), stage, progress, state.endpoint])
    return table(rows)


def outcome(result: Outcome, desk: Desk, *, kept: bool) -> str:
    lines = [""]
    for index, question in enumerate(result.questions):
        lines.append(f"? {question}")
        lines.append(f"  {say('outcome.before')}  {_at(result.before, index)}")
        lines.append(paint(f"  {say('outcome.after')}  {_at(result.after, index)}", GREEN))
        lines.append("")
    if result.engine:
        lines.append(say("outcome.engine", engine=result.engine, model=result.model))
        told = [words.problem(why.code, why.params) for why in result.why]
        lines += [f"  {texts['what']}: {texts['why']}" for texts in told]
    lines += [f"{say('path.' + name)}  {path}" for name, path in result.paths.items()]
    if kept and result.endpoint:
        endpoint = desk.endpoint(result.run)
        question = result.questions[0] if result.questions else "Hello"
        lines += ["", f"{say('outcome.endpoint')}  {endpoint.url}", endpoint.curl(question)]
        lines.append(say("outcome.stop", run=result.run))
    return "\n".join(lines)


def _at(answers: Sequence[str], index: int) -> str:
    return answers[index].replace("\n", " ") if index < len(answers) else "-"


def doctor(checks: Sequence[Check]) -> str:
    return "\n".join(_check(check) for check in checks if check.code != "problem")


def _check(check: Check) -> str:
    line = f"[{'v' if check.ok else ' '}] {say('doctor.' + check.code, **check.params)}"
    if check.problem and check.code == "engine":
        line += f"  ({words.problem(check.problem.code, check.problem.params)['what']})"
    return line
