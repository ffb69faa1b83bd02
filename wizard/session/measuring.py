"""A finished run evaluated after the fact: the same stage, in the run's own folder, watched by who asks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import run as engine_room
from wizard.contract import Choice, Plan, Problem
from wizard.errors import ExitCode, WizardError
from wizard.journal import Event, RunFolder, StageFolder, Tail, read_json, write_json
from wizard.plan.compile import INPUTS
from wizard.plan.specs import Order, benchmark, trained_by
from wizard.run.jobs import variables as variables_of
from wizard.session import after, jobs, runs
from wizard.session.comparing import STAGE

if TYPE_CHECKING:
    from wizard.session.desk import Desk

ENGINE, NAME = "evaluate", "evaluate"
SAME = ("digest", "rung")  # of a done.json: by them the supervisor knows a stage that is done
LOOK_SECONDS = 0.3
Tell = Callable[[Event], None]


def evaluate(
    desk: Desk, name: str, benchmarks: Sequence[str], progress: jobs.Progress, tell: Tell, *, checkpoints: bool = False
) -> Path:
    """The report. Raises evaluate-by-run (it is a stage of that run), evaluate-too-early, checkpoints-none, and what
    the stage raises.

    `tell`: each event of the stage. A broken-off one is begun anew; benchmarks that it had are not asked again, and
    what an earlier report has is in the new one. `checkpoints`: those that the training kept too, of a run that has
    evaluated itself as well."""
    folder = desk.folder(name)
    plan = runs.plan_of(folder)
    done = own_done(plan, folder)
    if done is not None and not (checkpoints and done):
        raise WizardError("evaluate-by-run", run=folder.name)
    inputs = inputs_of(plan, folder)
    stage = folder.stage(STAGE)
    before = read_json(stage.path / "report.json").get("results", ())
    place = kept(folder, inputs)
    found = any(place.glob("checkpoint-*"))
    if checkpoints and not found:  # said before an environment is built for it
        raise WizardError("checkpoints-none", run=folder.name, path=str(place), exit_code=ExitCode.FAILED)
    checkpoints = checkpoints or (found and any(each["subject"].startswith("checkpoint-") for each in before))
    choice = wish(desk, plan, (*(plan.choice.benchmarks if done else ()), *benchmarks))
    earlier = dict.fromkeys(each["source"] for each in before if each["source"] in desk.catalog().benchmarks)
    at = jobs.place(desk, ENGINE)
    python = jobs.ready(desk, at, progress) / "bin" / "python"
    stage.path.mkdir(exist_ok=True)
    told = order(desk, plan, choice, inputs, earlier, checkpoints=checkpoints)
    write_json(stage.spec, told | {name: value for name, value in (done or {}).items() if name in SAME})
    lib = desk.home.lib / engine_room.install_lib(desk.home, runs.package_root())
    variables = variables_of(desk.home, at.engine, python.parent.parent, lib)
    with cards_of(desk, plan) as shown:
        return followed(stage, python, {**variables, **shown, "PYTHONUNBUFFERED": "1"}, tell)


def own_done(plan: Plan, folder: RunFolder) -> Mapping[str, Any] | None:
    """What the run's own stage left when it ended, which a later one leaves too, so that the run stays done. None of a
    run without one."""
    own = next((stage for stage in plan.stages if stage.name == NAME), None)
    return read_json(folder.stage(own.folder).done) if own else None


def kept(folder: RunFolder, inputs: Mapping[str, Mapping[str, str]]) -> Path:
    """Where the training kept its checkpoints."""
    trained = next(iter(inputs.get("train", {}).values()), None)
    return Path(trained).parent / "checkpoints" if trained else folder.path


@contextmanager
def cards_of(desk: Desk, plan: Plan) -> Iterator[Mapping[str, str]]:
    """What shows the program the run's cards, held meanwhile as a run holds them. Raises cards-in-use."""
    if plan.forecast.merge_device == "cpu":
        yield {"CUDA_VISIBLE_DEVICES": ""}
        return
    locks = []
    try:
        for gpu in sorted(plan.gpus):
            if (lock := engine_room.take(desk.home.locks / f"gpu-{gpu}.lock")) is None:
                raise WizardError("cards-in-use", gpu=gpu, run=plan.run, exit_code=ExitCode.FAILED)
            locks.append(lock)
        yield next(stage.variables for stage in reversed(plan.stages) if stage.name in ("merge", "quantise", "serve"))
    finally:
        for lock in locks:
            lock.release()


def inputs_of(plan: Plan, folder: RunFolder) -> dict[str, dict[str, str]]:
    """What the stages left that it reads."""
    done: dict[str, Any] = {
        stage.name: read_json(folder.stage(stage.folder).done).get("outputs") for stage in plan.stages
    }
    found = {stage: outputs for stage in map(str, INPUTS["evaluate"]) if (outputs := done.get(stage))}
    planned = [stage.name for stage in plan.stages if stage.name in ("fetch", "prepare", "train", "merge")]
    if missing := next((stage for stage in planned if stage not in found), None):
        raise WizardError("evaluate-too-early", run=folder.name, stage=missing, exit_code=ExitCode.FAILED)
    return found


def wish(desk: Desk, plan: Plan, benchmarks: Sequence[str]) -> Choice:
    """The run's choice with these benchmarks. Raises what a plan with them would."""
    choice = replace(plan.choice, evaluate=True, benchmarks=tuple(dict.fromkeys(benchmarks)))
    after.refuse(desk.catalog(), choice)
    after.questions_here(choice, desk.catalog(), desk.home.store, desk.hubs)
    return choice


def order(
    desk: Desk,
    plan: Plan,
    choice: Choice,
    inputs: Mapping[str, Any],
    earlier: Iterable[str] = (),
    *,
    checkpoints: bool = False,
) -> dict[str, Any]:
    """`earlier`: benchmarks of a report that is there, which are told again and not asked."""
    told = partial(benchmark, desk.catalog(), str(desk.home.store))
    more = [name for name in earlier if name not in choice.benchmarks]
    apart = desk.catalog().recipes[choice.recipe].merge == "apart"
    others = [] if apart else [other.name for other in choice.adapters]  # which the trained model has in it
    spec = {
        **trained_by(Order(choice=choice, verdict=plan.forecast, catalog=desk.catalog(), store="", key_file="")),
        "benchmarks": [*map(told, choice.benchmarks), *({**told(name), "kept": True} for name in more)],
        "seq_len": choice.knobs.seq_len,
        "seed": choice.knobs.seed,
        "device": plan.forecast.merge_device,
        **({"checkpoints": True, "adapters": others} if checkpoints else {}),
    }
    named = {"stage": NAME, "run": plan.run, "digest": "after-the-fact", "rung": 0, "attempt": 1, "spec": spec}
    return {**named, "inputs": dict(inputs), "home": str(desk.home.root), "store": str(desk.home.store)}


def followed(stage: StageFolder, python: Path, variables: Mapping[str, str], tell: Tell) -> Path:
    """Its process ends with ours. Raises the Problem that it told, or job-ended."""
    start = stage.events.stat().st_size if stage.events.exists() else 0
    tail, told = Tail(stage.events, start), list[Event]()
    program = [str(python), "-m", f"wizard.stages.{NAME}", str(stage.path)]
    with stage.log.open("ab") as log:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        process = subprocess.Popen(program, env=dict(variables), cwd=stage.path, **streams)
    try:
        while process.poll() is None:
            told += heard(tail, tell)
            wait(process)
        told += heard(tail, tell)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise failure(told, process.returncode, stage)
    return stage.path / "report.json"


def heard(tail: Tail, tell: Tell) -> list[Event]:
    events = tail.new()
    for event in events:
        tell(event)
    return events


def wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return


def failure(told: Sequence[Event], code: int, stage: StageFolder) -> WizardError:
    for event in reversed(told):
        if event["kind"] == "failed":
            return WizardError.of(Problem(**event["problem"]), ExitCode.FAILED)
    log = str(stage.log)
    return WizardError("job-ended", job=NAME, why=f"exit code {code}", log=log, exit_code=ExitCode.FAILED)
