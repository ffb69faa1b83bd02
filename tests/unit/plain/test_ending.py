"""How a run's end is told: what it made, what went wrong, and the exit code."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wizard import words
from wizard.contract import Problem, RunState, RunStatus, StageState, StageStatus
from wizard.errors import ExitCode, WizardError
from wizard.journal import RunFolder
from wizard.plain import tables
from wizard.plain.ending import conclude
from wizard.session import Outcome
from wizard.session.outcome import as_json, read

TAKEN = Problem(code="port-in-use", params={"port": 8000, "host": "127.0.0.1"})
MADE = Outcome(
    run="r",
    questions=("Who are you?",),
    before=("SmolLM",),
    after=(),
    parity={},
    seconds={},
    paths={"adapter": "/home/you/adapter", "merged": "/home/you/merged"},
)


@pytest.fixture(autouse=True)
def english() -> None:
    words.use("en")


def state(status: RunStatus, problem: Problem | None = None, **stages: StageStatus) -> RunState:
    told = tuple(StageState(name=name, status=value) for name, value in stages.items())
    return RunState(run="r", status=status, stages=told, problem=problem)


def told(found: RunState, as_json: bool = False) -> int:
    desk: Any = SimpleNamespace(outcome=lambda _: MADE)
    return conclude(desk, "r", found, argparse.Namespace(json=as_json))


def test_a_server_that_could_not_start_is_a_failure_that_keeps_what_was_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(state("failed", TAKEN, merge="done", serve="failed")) == ExitCode.FAILED
    said = capsys.readouterr().err
    assert "/home/you/adapter" in said
    assert "Port 8000" in said
    assert "resume --port 0" in said


def test_an_evaluation_is_a_line_for_ones_rows_and_one_for_general_text() -> None:
    figures = [("own", "perplexity", 16.36, 1.85), ("own", "rouge_l", 0.127, 0.547)]
    figures += [("general.zh", "perplexity", 17.3, 19.46)]
    measured = tuple(
        {"subject": subject, "measure": measure, "value": value, "source": source, "n": 9}
        for source, measure, *values in figures
        for subject, value in zip(("base", "tuned"), values, strict=True)
    )
    desk: Any = SimpleNamespace()
    told = tables.outcome(replace(MADE, measured=measured), desk, kept=False)
    assert "On your rows  perplexity 16.4 -> 1.85, ROUGE-L 13% -> 55%" in told
    assert "General text  plain Chinese 17.3 -> 19.5" in told
    assert as_json(replace(MADE, measured=measured))["measured"] == list(measured)
    assert "measured" not in as_json(MADE)


def test_programs_get_both_in_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(state("failed", TAKEN, merge="done", serve="failed"), as_json=True) == ExitCode.FAILED
    answer = json.loads(capsys.readouterr().out)
    assert answer["problem"]["code"] == "port-in-use"
    assert answer["paths"] == MADE.paths


@pytest.mark.parametrize("status", ["interrupted", "stopped"])
def test_one_that_was_cut_off_before_it_served_says_how_to_go_on(
    status: RunStatus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(state(status, merge="done", serve="stopped")) == ExitCode.FAILED
    assert "resume r" in capsys.readouterr().err


@pytest.mark.parametrize("merge", ["failed", "stopped", "waiting"])
def test_without_a_model_there_is_only_the_problem(merge: StageStatus) -> None:
    with pytest.raises(WizardError) as caught:
        told(state("stopped", merge=merge))
    assert caught.value.exit_code == ExitCode.FAILED


def test_what_went_well_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(state("done", merge="done", serve="stopped"), as_json=True) == ExitCode.OK
    assert "problem" not in json.loads(capsys.readouterr().out)


def test_rows_that_were_kept_aside_tell_whether_it_was_learned_by_heart() -> None:
    kept = replace(MADE, losses={"loss": 0.25, "validation_loss": 1.5})
    assert "loss 1.500, at the end of training 0.250" in tables.outcome(kept, None, kept=False)  # type: ignore[arg-type]
    assert "Kept-back" not in tables.outcome(MADE, None, kept=False)  # type: ignore[arg-type]
    assert as_json(kept)["losses"]["validation_loss"] == 1.5


@pytest.mark.parametrize(
    ("result", "losses"),
    [({"loss": 0.2, "validation_loss": 1.5}, {"loss": 0.2, "validation_loss": 1.5}), ({"loss": 0.2}, {})],
)
def test_their_loss_is_the_training_s_result(
    tmp_path: Path, result: dict[str, float], losses: dict[str, float]
) -> None:
    plan: Any = SimpleNamespace(run="r", choice=SimpleNamespace(questions=(), serve=True), stages=())
    ended = RunState(run="r", status="done", stages=(StageState(name="train", status="done", result=result),))
    assert read(RunFolder(tmp_path), plan, ended).losses == losses


QUANTISED = {
    "format": "nf4",
    "most_worse": 0.1,
    "bytes": {"before": 269_060_552, "after": 115_000_000},
    "perplexity": {"before": 7.52, "after": 7.9},
    "worse": 0.0505,
}


def test_what_fewer_bits_cost_is_told_and_red_where_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.plain.tables.paint", lambda text, code: f"<{code}>{text}")
    within = replace(MADE, quantised=QUANTISED)
    line = "nf4: 0.27 GB -> 0.12 GB, perplexity 7.52 -> 7.90 (+5.1%)"
    assert f"in fewer bits  {line}" in tables.outcome(within, None, kept=False)  # type: ignore[arg-type]
    beyond = replace(MADE, quantised=QUANTISED | {"worse": 0.2})
    red = "<31>in fewer bits  worse than the 10% you allow: nf4: "
    assert red in tables.outcome(beyond, None, kept=False)  # type: ignore[arg-type]
    assert as_json(within)["quantised"]["worse"] == 0.0505


def test_a_model_that_was_not_trained_is_compared_with_itself_in_all_its_bits(tmp_path: Path) -> None:
    choice = SimpleNamespace(questions=MADE.questions, quantise="nf4", most_worse=0.1, serve=False)
    plan: Any = SimpleNamespace(run="r", choice=choice, stages=())
    found = QUANTISED | {"answers": {"before": ["I am Smol."], "after": ["I am."]}}
    stages = [StageState(name="quantise", status="done", result=found)]
    alone = read(RunFolder(tmp_path), plan, RunState(run="r", status="done", stages=tuple(stages)))
    assert (alone.before, alone.after, alone.trained) == (("I am Smol.",), ("I am.",), False)
    stages.append(StageState(name="merge", status="done", result={"before": ["SmolLM"]}))
    learned = read(RunFolder(tmp_path), plan, RunState(run="r", status="done", stages=tuple(stages)))
    assert learned.before == ("SmolLM",) and learned.trained


def test_nothing_is_said_of_a_time_before_that_never_was() -> None:
    told = tables.outcome(replace(MADE, before=(), after=("Smol",)), None, kept=False)  # type: ignore[arg-type]
    assert "answer  Smol" in told and "before" not in told
