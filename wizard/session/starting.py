"""From a decision to a running run: the choice, its plan, and the folder that the supervisor works in."""

from __future__ import annotations

import os
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wizard import plan as planning
from wizard import run as engine_room
from wizard.contract import MARK, Catalog, Choice, DataChoice, DataReport, Machine, Plan, Verdict
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, RunFolder, write_atomic, write_plan
from wizard.session import adapters, chat, runs, serving
from wizard.session.report import as_text
from wizard.words import say

QUESTIONS = 3
JUDGED = 2  # rows, both of whose answers are
WORD_LIMIT = 400
PICTURE = "<image>"  # where one stands in a turn; without it such a question means nothing


def choose(verdict: Verdict, data: DataChoice, catalog: Catalog, report: DataReport | None, **wishes: Any) -> Choice:
    """`wishes`: serve, quantise, evaluate; questions, where those of the data are not meant."""
    questions = wishes.pop("questions", None) or _questions(data, catalog, report, verdict.task)
    return Choice(
        recipe=verdict.recipe,
        model=verdict.model,
        knobs=verdict.knobs,
        data=data,
        questions=questions,
        **wishes,
    )


def _questions(data: DataChoice, catalog: Catalog, report: DataReport | None, task: str) -> tuple[str, ...]:
    if data.kind == "none":
        return (say("wish.first_question"),)
    return _bundled_questions(catalog, data) if data.kind == "bundled" else first_questions(report, task)


def _bundled_questions(catalog: Catalog, data: DataChoice) -> tuple[str, ...]:
    return tuple(catalog.datasets[data.ref].questions[data.language][:QUESTIONS])


def first_questions(report: DataReport | None, task: str) -> tuple[str, ...]:
    """The opening question of the first rows: what the model was taught is what is asked before and after. What is to
    be judged has its answer behind it: of each row the better one, then the worse."""
    if task == "reward" and (judged := _judged(report)):
        return judged
    rows = [sample["messages"] for sample in report.samples] if report else []
    asked = [next((turn["content"] for turn in row if turn["role"] == "user"), "") for row in rows]
    asked = list(dict.fromkeys(question for question in asked if question and PICTURE not in question))
    short = [question for question in asked if len(question) <= WORD_LIMIT]
    return tuple((short or [question[:WORD_LIMIT] for question in asked])[:QUESTIONS])


def _judged(report: DataReport | None) -> tuple[str, ...]:
    from wizard.data.readers.talks import asked, talks

    found, half = list[str](), WORD_LIMIT // 2
    for sample in report.samples if report else ():
        sides = dict(talks(sample))
        if {"chosen", "rejected"} == {*sides} and PICTURE not in str(sides):
            question = str(asked(sides["chosen"])[-1]["content"]).replace(MARK, " ")
            found += [f"{question[:half]}{MARK}{str(turns[-1]['content'])[:half]}" for turns in sides.values()]
    return tuple(found[: 2 * JUDGED])


def compile_choice(
    choice: Choice,
    verdict: Verdict,
    machine: Machine,
    catalog: Catalog,
    home: Home,
    language: str,
    locks: Path,
    forecasts: Sequence[Verdict] = (),
) -> tuple[Plan, Mapping[str, str]]:
    if verdict.status == "no":
        reason = verdict.reason
        params = reason.params if reason else {}
        raise WizardError(reason.code if reason else "nothing-fits", exit_code=ExitCode.NOTHING_FITS, **params)
    choice = replace(
        choice,
        adapters=tuple(adapters.located(home, choice, catalog.recipes[choice.recipe], catalog.methods[verdict.method])),
    )
    verdict = serving.settled(choice, verdict, machine, catalog)
    created = time.time()
    run = planning.run_id(choice, created=created, salt=secrets.token_hex(2))
    return planning.compile_plan(
        choice,
        verdict,
        machine,
        catalog,
        run=run,
        created=created,
        language=language,
        store=str(home.store),
        key_file=str(home.secrets / f"{run}.key"),
        lock_text=lambda name: (locks / name).read_text(encoding="utf-8"),
        forecasts=forecasts,
        helper=os.environ.get("YCDY_NODE_RANK", "0") != "0",
    )


def replay(file: Path) -> Choice:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise WizardError("data-missing", path=str(file)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise WizardError("config-unreadable", path=str(file), error=str(error)) from error
    return planning.from_toml(text, str(file))


def commands(plan: Plan, home: Home) -> Iterator[tuple[str, str]]:
    folder = home.run(plan.run)
    environments = {environment.id: environment for environment in plan.environments}
    for stage in plan.stages:
        python = engine_room.environments.folder_of(home, environments[stage.environment]) / "bin" / "python"
        yield stage.name, shlex.join(engine_room.command(python, stage, folder.stage(stage.folder)))


def refuse_if_changed(plan: Plan, fresh: Plan, machine: Machine) -> None:
    """A card may have fallen off the bus, or been filled, since the plan was shown; another is not taken unasked."""
    free = {gpu.index: gpu.free_bytes for gpu in machine.gpus}
    there = plan.gpus == fresh.gpus or all(free.get(card, 0) >= plan.forecast.card_bytes for card in plan.gpus)
    if not there or [item.id for item in plan.environments] != [item.id for item in fresh.environments]:
        raise WizardError("machine-changed", exit_code=ExitCode.NO_DEVICE, then=_place(plan), now=_place(fresh))


def _place(plan: Plan) -> str:
    cards = ", ".join(map(str, plan.gpus))
    return f"{plan.device} {cards}".strip() + f" ({', '.join(item.id for item in plan.environments)})"


def _place_stages(folder: RunFolder, plan: Plan, home: Home) -> None:
    """Checkpoints and merged weights are the large part of a run: they lie where YCDY_STORE says, linked from here."""
    if home.store == home.root:
        return
    for stage in plan.stages:
        place = home.store / "runs" / plan.run / stage.folder
        place.mkdir(parents=True, exist_ok=True)
        folder.stage(stage.folder).path.symlink_to(place)


def endpoint(home: Home, folder: RunFolder) -> chat.Endpoint:
    state = runs.state_of(folder)
    if not state.endpoint:
        raise WizardError("not-serving", run=folder.name, status=state.status, exit_code=ExitCode.FAILED)
    key, header = engine_room.api_key(home, folder.name), keep_header(home, folder.name)
    return chat.Endpoint(
        url=state.endpoint, model=state.served_model, engine=state.served_engine, key=key, header_file=header
    )


def keep_header(home: Home, run: str) -> Path:
    """The key as a header in a file, for `curl -H @FILE`: it then stands in no history and no process list."""
    path = home.secrets / f"{run}.header"
    text = f"Authorization: Bearer {engine_room.api_key(home, run)}\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    return path


def launch(plan: Plan, requirements: Mapping[str, str], home: Home, report: DataReport | None = None) -> str:
    """Write the run folder, then start its supervisor. The plan is written last: a folder without one is no run.
    `report`: what was known of the data."""
    if plan.pretend:
        raise WizardError("pretending", board=plan.pretend)
    folder = RunFolder(home.runs / plan.run)
    try:
        home.remember()
        lib = engine_room.install_lib(home, runs.package_root())
        folder.environments.mkdir(parents=True, exist_ok=True)
        for environment, text in requirements.items():
            write_atomic(folder.environments / f"{environment}.txt", text)
        keep_header(home, plan.run)
        _place_stages(folder, plan, home)
        if report:
            write_atomic(folder.data_report, as_text(report, plan.choice.knobs.seq_len, plan.choice.data.validation))
        write_atomic(folder.config, planning.to_toml(plan, requirements, {}))
        write_plan(folder.plan, replace(plan, lib=lib))
    except OSError as error:
        raise WizardError(
            "cannot-write-home", path=str(folder.path), error=error.strerror or str(error), exit_code=ExitCode.FAILED
        ) from error
    engine_room.launch(folder, runs.supervisor_command(folder))
    return plan.run
