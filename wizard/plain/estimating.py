"""`estimate`: one case as a table, or many as JSON lines."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from wizard.contract import Problem
from wizard.errors import ExitCode, WizardError
from wizard.plain import ESTIMATE_FLAGS
from wizard.plain.output import answer, print_json, problem_data, table, talk
from wizard.plain.tokens import with_token
from wizard.session import Desk, Estimate, Serving
from wizard.words import formula, say, units


def estimate(desk: Desk, options: argparse.Namespace) -> int:
    if options.cases:
        _refuse_flags(options)
        return _cases(desk)
    if not options.model:
        raise WizardError("estimate-lacks-model")
    case, simulate = case_of(options), options.simulate
    found = with_token(desk, options, lambda: desk.estimate(options.model, case, simulate=simulate, progress=teller()))
    if options.json:
        print_json(found.as_data())
    else:
        answer(shown(found, desk.pretend))
    return ExitCode.OK


def _refuse_flags(options: argparse.Namespace) -> None:
    """Each line says all of its case by itself."""
    given = [name for name in ("model", "simulate", *ESTIMATE_FLAGS) if getattr(options, name)]
    if given:
        raise WizardError("cases-with-flags", flags=", ".join("--" + name.replace("_", "-") for name in given))


def _cases(desk: Desk) -> int:
    """Problems are answers too: each line stands for itself, whatever bytes it is made of."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
    for id, found in desk.cases(sys.stdin):
        told = {"problem": problem_data(found)} if isinstance(found, Problem) else found
        answer(json.dumps({"id": id, **told}))
    return ExitCode.OK


def case_of(options: argparse.Namespace) -> dict[str, Any]:
    given = {name: value for name in ESTIMATE_FLAGS if (value := getattr(options, name)) is not None}
    return {name: typed(value) for name, value in given.items()}


def typed(text: str) -> Any:
    """As JSON has it where it is JSON, else a word: 2048, true, adamw_8bit."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def teller() -> Callable[[str, int, int], None]:
    """Says each phase of an environment's making once."""
    last = ""

    def tell(phase: str, done: int, total: int) -> None:
        nonlocal last
        if phase != last:
            talk(say("estimate.environment", phase=say(f"environment.{phase}")))
        last = phase

    return tell


def shown(found: Estimate, pretended: str | None = None) -> str:
    rows = [[say(f"term.{term.label}"), units.gib(term.bytes), formula(term.formula)] for term in found.peak.terms]
    lines = [
        say("estimate.title", model=found.title, rows=found.rows, length=found.length),
        *([say("estimate.read_as", kind=found.read_as)] if found.read_as else []),
        assumed(found),
        say("estimate.moment", moment=say(f"moment.{found.peak.moment}"), basis=say(f"basis.{found.peak.basis}")),
        "",
        table(rows),
        "",
    ]
    sizes = {name: units.gib(getattr(found.peak, f"{name}_bytes")) for name in ("peak", "reserved", "card", "safe")}
    lines += [table([[say(f"estimate.{name}"), size] for name, size in sizes.items()]), "", _beside(found)]
    lines.append(say("estimate.fits_card", gib=found.card_gib) if found.card_gib else say("estimate.no_card"))
    if found.here:
        machine = say("estimate.board", board=pretended) if pretended else say("estimate.machine")
        free = units.gib(found.capacity_bytes)
        lines.append(say(f"estimate.here_{found.here}", machine=machine, free=free, lacking=found.lacking))
    if found.serving:
        lines += ["", *_serving(found.serving, found.length)]
    if found.simulated:
        lines += ["", _simulated(found.simulated, found.law_bytes)]
    return "\n".join(lines)


def assumed(found: Estimate) -> str:
    """What the numbers are for, given or taken as our own train stage does it."""
    step = found.step
    if step.task == "infer":
        return say("estimate.assumed_infer", base=step.base)
    method = say("estimate.rank", method="dora" if step.dora else "lora", rank=step.rank)
    told = {"base": step.base, "optimizer": step.optimizer, "micro_batch": step.micro_batch, "seq_len": step.seq_len}
    switch = say("view.yes" if step.checkpointing else "view.no")
    return say("estimate.assumed", method="full" if step.trains_all else method, checkpointing=switch, **told)


def _beside(found: Estimate) -> str:
    besides = found.beside
    disk = say("estimate.disk", disk=units.gb(besides.disk_bytes), download=units.gb(besides.download_bytes))
    told = [say("estimate.ram", ram=units.gib(besides.ram_bytes)), disk]
    if besides.step_seconds and found.here:
        told.append(say("estimate.step", seconds=f"{besides.step_seconds:.3g}"))
    if besides.token_seconds and found.here:
        told.append(say("estimate.token", milliseconds=f"{1000 * besides.token_seconds:.3g}"))
    return "\n".join(told)


def _serving(serving: Serving, length: int) -> list[str]:
    rows = [[say(f"term.{term.label}"), units.gib(term.bytes), formula(term.formula)] for term in serving.terms]
    share, needed = f"{serving.share:g}", units.gib(serving.needed_bytes)
    room = say("estimate.serving_room", tokens=f"{serving.tokens:,}", rows=f"{serving.sequences:g}", length=length)
    return [say("estimate.serving", share=share), table(rows), room, say("estimate.serving_needs", needed=needed)]


def _simulated(result: Mapping[str, Any], law: int) -> str:
    told = {"peak": units.gib(result["peak_bytes"]), "seconds": result["seconds"]}
    if not law:
        return say("estimate.simulated_only", **told)
    apart = 100 * (law / result["peak_bytes"] - 1)
    return say("estimate.simulated", **told, law=units.gib(law), apart=f"{apart:+.1f} %")
