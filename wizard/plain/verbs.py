"""One function a verb: asks the desk, prints the answer, returns the exit code."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from wizard.contract import Choice, RunState
from wizard.errors import ExitCode, WizardError
from wizard.plain import RESUME_KNOBS, asking, given, tables
from wizard.plain.ending import finish
from wizard.plain.estimating import teller
from wizard.plain.follow import until_ended
from wizard.plain.output import answer, print_json, problem, problem_data, talk
from wizard.plain.tokens import with_token
from wizard.session import Desk, goals
from wizard.strict import nearest
from wizard.words import say, units

PROBE_PATIENCE = 2.0  # seconds: here somebody asked for the disks' speed


def probe(desk: Desk, options: argparse.Namespace) -> int:
    machine = desk.machine(patience=PROBE_PATIENCE)
    if options.json:
        print_json(machine)
    else:
        answer(tables.machine(machine))
    return ExitCode.OK


def offers(desk: Desk, options: argparse.Namespace) -> int:
    if options.task and options.task not in (known := goals(desk.catalog())):
        told = {"found": options.task, "known": ", ".join(known), "nearest": nearest(options.task, known)}
        raise WizardError("usage-unknown", what="--task", **told)
    if not desk.pretend:
        desk.hubs()
    model = with_token(desk, options, lambda: desk.models.named(options.model, teller())) if options.model else ""
    verdicts = desk.offers(options.task, model, terms=options.json)
    if options.json:
        print_json({"machine": desk.machine(), "verdicts": verdicts})
    elif verdicts:
        answer(tables.offers(verdicts, desk.catalog(), desk.explained, whole=options.all))
    else:
        asked = {"--task": options.task, "--model": options.model}
        raise WizardError("no-offers", asked=" ".join(f"{flag} {word}" for flag, word in asked.items() if word))
    return ExitCode.OK if any(v.status != "no" for v in verdicts) else ExitCode.NOTHING_FITS


def run(desk: Desk, options: argparse.Namespace) -> int:
    choice = given.chosen(desk, with_token(desk, options, lambda: desk.replay(options.file, teller())), options)
    looking = options.check or desk.pretend
    if not looking and (unfinished := _unfinished(desk, choice)):  # before its own processes are found in the way
        return _go_on(desk, unfinished, options)
    plan = desk.plan(choice)
    if not looking and (unfinished := _unfinished(desk, plan.choice)):
        return _go_on(desk, unfinished, options)
    if looking:
        if options.json:
            print_json(plan)
        else:
            answer(tables.plan(plan, desk.commands(plan)))
        return ExitCode.OK
    name = desk.launch(plan, ask=sys.stdin.isatty() and not (options.yes or options.json))
    talk(say("plain.started", run=name))
    return finish(desk, name, options)


def _unfinished(desk: Desk, choice: Choice) -> str | None:
    return desk.alike(lambda other: other == choice)


def runs(desk: Desk, options: argparse.Namespace) -> int:
    states = desk.runs()
    if options.json:
        print_json([_summary(state) for state in states])
    else:
        answer(tables.runs(states) if states else say("plain.no_runs"))
    return ExitCode.OK


def _summary(state: RunState) -> dict[str, Any]:
    row: dict[str, Any] = {
        "run": state.run,
        "status": state.status,
        "stage": state.stage,
        "step": state.step,
        "total": state.total,
        "latest": dict(state.latest),
    }
    if state.endpoint:
        row["endpoint"] = state.endpoint
    if state.problem:
        row["problem"] = problem_data(state.problem)
    return row


def attach(desk: Desk, options: argparse.Namespace) -> int:
    """The screens where there is a terminal for them, lines elsewhere."""
    name = named(desk, options.run)
    if sys.stdin.isatty() and sys.stderr.isatty() and not (options.plain or options.json):
        from wizard.view.app import WizardApp

        return int(WizardApp(desk, attach=name).run() or 0)
    return finish(desk, name, options)


def resume(desk: Desk, options: argparse.Namespace) -> int:
    changes = {knob: getattr(options, knob) for knob in RESUME_KNOBS if getattr(options, knob) is not None}
    return _go_on(desk, named(desk, options.run), options, **changes)


def _go_on(desk: Desk, run: str, options: argparse.Namespace, **changes: Any) -> int:
    name = desk.resume(run, yes=options.yes, **changes)
    talk(say("plain.resumed", run=name))
    return finish(desk, name, options)


def stop(desk: Desk, options: argparse.Namespace) -> int:
    names = desk.going() if options.all else (named(desk, options.run),)
    for name in names:
        desk.stop(name, after_checkpoint=options.after_checkpoint)
    for name in names:
        if options.after_checkpoint:
            talk(say("plain.stopping", run=name))
        else:
            until_ended(desk, name)
            talk(say("plain.stopped", run=name))
    if options.json:
        print_json({"stopped": list(names)})
    return ExitCode.OK


def logs(desk: Desk, options: argparse.Namespace) -> int:
    name = named(desk, options.run)
    watch = desk.watch(name)
    stage = options.stage or watch.poll().stage
    text = watch.log(stage, options.lines)
    if options.json:
        print_json({"run": name, "stage": stage, "lines": text})
    else:
        answer("\n".join(text))
    return ExitCode.OK


def push(desk: Desk, options: argparse.Namespace) -> int:
    name, public = named(desk, options.run), options.public
    done = desk.push(name, options.target, teller(), public=public)
    if options.json:
        print_json(done)
    else:
        size = units.gb(done.bytes)
        talk(say("plain.pushed" if done.new else "plain.pushed_again", files=done.files, size=size, hub=done.hub))
        answer(done.url)
    return ExitCode.OK


def export(desk: Desk, options: argparse.Namespace) -> int:
    form, nodes = getattr(options, "as"), options.nodes or 0
    if nodes < 0 or (nodes and not form):
        raise WizardError("usage-nodes", found=nodes)
    text = desk.export(named(desk, options.run), form, nodes)
    if options.json:
        print_json({"as": form, "text": text} if form else {"toml": text})
    else:
        answer(text)
    return ExitCode.OK


def doctor(desk: Desk, options: argparse.Namespace) -> int:
    checks = desk.doctor()
    if options.json:
        print_json(
            [
                {
                    "code": c.code,
                    "ok": c.ok,
                    "params": c.params,
                    "problem": problem_data(c.problem) if c.problem else None,
                }
                for c in checks
            ]
        )
    else:
        answer(tables.doctor(checks))
        for check in checks:
            if check.problem and check.code != "engine":
                problem(check.problem)
    return ExitCode.OK if all(check.ok for check in checks if check.code != "engine") else ExitCode.FAILED


def uninstall(desk: Desk, options: argparse.Namespace) -> int:
    found = desk.uninstall(dry_run=True)
    kept = [root for root in (desk.home.root, *desk.home.stores) if root.is_dir() and root not in found]
    for path in found if not options.json else ():
        answer(str(path))
    for root in kept:
        talk(say("plain.uninstall_keeps", path=root))
    if not options.dry_run:
        if not options.yes and not _confirmed(say("plain.uninstall_sure")):
            return ExitCode.INTERRUPTED
        desk.uninstall()
        talk(say("plain.uninstalled"))
    if options.json:
        print_json({"removed": not options.dry_run, "paths": found, "kept": kept})
    return ExitCode.OK


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise WizardError("confirm-needed")
    return asking.sure(question, default=False)


def named(desk: Desk, name: str, *, serving: bool = False) -> str:
    """The run that was named, or the newest one."""
    if name:
        return desk.folder(name).path.name
    states = desk.runs()
    wanted = [state for state in states if state.status == "serving"] if serving else list(states)
    if not wanted:
        raise WizardError("no-run-serving" if serving else "no-runs")
    return wanted[0].run
