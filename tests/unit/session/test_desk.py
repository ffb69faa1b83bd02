import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wizard import detect, words
from wizard.catalog import builtin, load
from wizard.contract import Disk, Machine, Plan, pair_of
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, RunFolder
from wizard.session import Desk, goals, runs, starting


def identity_plan(desk: Desk) -> Plan:
    verdict = desk.best("identity")
    return desk.plan(desk.choose(verdict, desk.bundled_choice(verdict.recipe, name="Zephyrine")))


@pytest.fixture
def no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting.engine_room, "launch", lambda *_: 1)


def test_only_tasks_with_a_recipe_are_offered(desk: Desk) -> None:
    offered = goals(desk.catalog())
    assert offered[0] == "identity"
    assert set(offered) == {recipe.task for recipe in desk.catalog().recipes.values()}
    assert all(words.known(f"goal.{task}.title") for task in offered)


def test_a_given_name_replaces_the_default_and_the_rest_stays(desk: Desk) -> None:
    words.use("en")
    recipe = desk.best("identity").recipe
    choice = desk.bundled_choice(recipe, name="Zephyrine", author=None)
    assert choice.params["name"] == "Zephyrine"
    assert choice.params["author"] == desk.bundled_choice(recipe).params["author"]


def test_a_name_with_braces_is_taken_as_it_is(desk: Desk) -> None:
    choice = desk.bundled_choice(desk.best("identity").recipe, name="{author} {x}")
    report = desk.bundled(choice.ref, "en", choice.params)
    assert "{author} {x}" in json.dumps(report.samples)


def test_a_plan_names_the_exact_command_of_every_stage(desk: Desk) -> None:
    plan = identity_plan(desk)
    commands = desk.commands(plan)
    assert [name for name, _ in commands] == [stage.name for stage in plan.stages]
    assert all(str(desk.home.runs / plan.run) in line for _, line in commands)


def test_nothing_is_launched_while_pretending(home: Home) -> None:
    home.root.mkdir()
    desk = Desk(home, pretend="rtx-4090")
    with pytest.raises(WizardError) as caught:
        desk.launch(identity_plan(desk))
    assert caught.value.problem.code == "pretending"
    assert not home.runs.exists()


def test_a_launch_writes_the_plan_its_lists_and_a_key_for_its_owner(desk: Desk, no_supervisor: None) -> None:
    plan = identity_plan(desk)
    folder = RunFolder(desk.home.runs / desk.launch(plan))
    assert runs.plan_of(folder).run == plan.run
    assert {path.stem for path in folder.environments.iterdir()} == {item.id for item in plan.environments}
    secrets = list(desk.home.secrets.iterdir())
    assert {path.suffix for path in secrets} == {".key", ".header"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in secrets)


def test_what_is_large_lies_on_the_store(tmp_path: Path, no_supervisor: None) -> None:
    home = Home(tmp_path / "home", tmp_path / "data disk")
    home.root.mkdir()
    desk = Desk(home)
    plan = identity_plan(desk)
    folder = RunFolder(home.runs / desk.launch(plan))
    train = folder.stage("03-train").path
    assert train.resolve() == tmp_path / "data disk" / "runs" / plan.run / "03-train"
    assert plan.stages[0].spec["folder"].startswith(str(home.store))
    assert home.store / "runs" in desk.uninstall(dry_run=True)


def test_a_run_is_found_by_any_clear_part_of_its_name(desk: Desk, no_supervisor: None) -> None:
    first, second = (desk.launch(identity_plan(desk)) for _ in range(2))
    assert desk.folder(first[-4:]).name == first
    with pytest.raises(WizardError) as caught:
        desk.folder("smollm2")
    assert caught.value.problem.code == "run-ambiguous"
    with pytest.raises(WizardError) as caught:
        desk.folder("nothing-like-it")
    assert second in caught.value.problem.params["runs"]


def test_a_launch_that_nobody_supervises_is_interrupted_and_gone_on_with(desk: Desk, no_supervisor: None) -> None:
    run = desk.launch(identity_plan(desk))
    assert desk.runs()[0].status == "interrupted"
    assert desk.unfinished("identity") == run
    assert desk.unfinished("sft") is None


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Machine]:
    """The machine that is found from now on: those of two equal cards that are named, with so much free on each."""
    boards = load([builtin()]).boards
    whole = detect.pretend("rtx-4090x2", boards, detect.detect(Path("/"), boards, speed=False))

    def found(*cards: int, free_bytes: int = 23 * 2**30) -> Machine:
        here = tuple(replace(gpu, free_bytes=free_bytes) for gpu in whole.gpus if gpu.index in cards)
        machine = replace(whole, gpus=here, pretend=None, driver=whole.driver if here else None, cuda=whole.cuda)
        monkeypatch.setattr("wizard.detect.detect", lambda *_, **__: machine)
        return machine

    return found


def test_a_card_that_fell_off_the_bus_before_the_launch_is_told(
    desk: Desk, two_cards: Callable[..., Machine], no_supervisor: None
) -> None:
    two_cards(0)
    verdict = desk.judge("identity", "smollm2-135m")  # which runs on a CPU too
    plan = desk.plan(desk.choose(verdict, desk.bundled_choice(verdict.recipe)))
    assert plan.gpus == (0,)
    for left in ((), (1,)):
        two_cards(*left)
        with pytest.raises(WizardError) as caught:
            desk.launch(plan)
        assert (caught.value.problem.code, caught.value.exit_code) == ("machine-changed", ExitCode.NO_DEVICE)
    assert not desk.home.runs.exists()


def test_a_card_that_was_filled_before_the_launch_is_told(
    desk: Desk, two_cards: Callable[..., Machine], no_supervisor: None
) -> None:
    two_cards(0)
    plan = desk.plan(desk.choose(desk.judge("sft-lora", "qwen3-4b"), desk.bundled_choice("identity")))
    two_cards(0, free_bytes=0)
    with pytest.raises(WizardError) as caught:
        desk.launch(plan)
    assert caught.value.problem.code == "short-of-memory-cuda"
    assert not desk.home.runs.exists()


def test_a_card_that_is_still_roomy_is_used_even_if_another_is_roomier_by_now(
    desk: Desk, two_cards: Callable[..., Machine], no_supervisor: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = two_cards(0, 1)
    plan = desk.plan(desk.choose(desk.judge("sft-lora", "qwen3-4b"), desk.bundled_choice("identity")))
    busier = (replace(machine.gpus[0], free_bytes=22 * 2**30), machine.gpus[1])
    monkeypatch.setattr("wizard.detect.detect", lambda *_, **__: replace(machine, gpus=busier))
    assert runs.plan_of(RunFolder(desk.home.runs / desk.launch(plan))).gpus == (0,)


def test_an_unreadable_plan_is_a_problem_and_not_a_traceback(desk: Desk, no_supervisor: None) -> None:
    run = desk.launch(identity_plan(desk))
    (desk.home.runs / run / "plan.json").write_text("{", encoding="utf-8")
    with pytest.raises(WizardError) as caught:
        desk.plan_of(run)
    assert caught.value.problem.code == "plan-unreadable"


def test_an_export_replays_to_the_same_stages(desk: Desk, no_supervisor: None, tmp_path: Path) -> None:
    plan = identity_plan(desk)
    run = desk.launch(plan)
    file = tmp_path / "again.toml"
    file.write_text(desk.export(run), encoding="utf-8")
    again = desk.plan(desk.replay(file))
    assert [stage.digest for stage in again.stages] == [stage.digest for stage in plan.stages]


def test_an_export_for_a_cluster_is_the_same_run_for_so_many_machines(desk: Desk, no_supervisor: None) -> None:
    run = desk.launch(identity_plan(desk))
    text = desk.export(run, "slurm", 2)
    assert "#SBATCH --nodes=2" in text
    assert "nodes = 2" in text
    with pytest.raises(WizardError) as caught:
        desk.export(run, "slrum")
    assert caught.value.problem.params["nearest"] == "slurm"


def test_own_data_give_the_questions_that_are_asked_before_and_after(desk: Desk, tmp_path: Path) -> None:
    rows = [{"instruction": f"What is {n}?", "output": f"It is {n}."} for n in range(5)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    choice = desk.choose(desk.best("sft"), desk.data_choice(str(file)))
    assert choice.questions == ("What is 0?", "What is 1?", "What is 2?")
    assert len(choice.data.sha256) == 64


def test_a_judge_is_shown_both_answers_of_a_pair(desk: Desk, tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {n}?", "chosen": f"It is {n}.", "rejected": "Go away."} for n in range(5)]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    choice = desk.choose(desk.best("reward"), desk.data_choice(str(file)))
    first = [pair_of(question) for question in choice.questions[:2]]
    assert [turns[-1]["content"] for turns in first] == ["It is 0.", "Go away."]
    assert {turns[0]["content"] for turns in first} == {"What is 0?"} and len(choice.questions) == 4


def test_where_every_question_is_long_its_beginning_is_asked(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"instruction": "why " * 500, "output": "so"}) + "\n", encoding="utf-8")
    choice = desk.choose(desk.best("sft"), desk.data_choice(str(file)))
    assert [len(question) for question in choice.questions] == [400]


def test_what_does_not_fit_is_refused_before_anything_is_written(home: Home) -> None:
    home.root.mkdir()
    desk = Desk(home, pretend="t4")
    refused = next(verdict for verdict in desk.offers("sft") if verdict.status == "no")
    data = replace(desk.bundled_choice(desk.best("identity").recipe), ref="self-cognition")
    with pytest.raises(WizardError) as caught:
        desk.plan(desk.choose(refused, data))
    assert caught.value.exit_code == ExitCode.NOTHING_FITS
    assert not home.runs.exists()


def status(desk: Desk, run: str, told: str, problem: str = "") -> None:
    """The run's supervisor said this last."""
    event = {"at": 1.0, "kind": "run-ended", "status": told, "problem": {"code": problem} if problem else None}
    desk.folder(run).supervisor.write_text(json.dumps(event) + "\n", encoding="utf-8")


def test_the_same_choice_goes_on_and_another_does_not(desk: Desk, no_supervisor: None) -> None:
    plan = identity_plan(desk)
    run = desk.launch(plan)
    kept = desk.plan_of(run).choice
    assert desk.alike(lambda choice: choice == plan.choice) == run
    for other in (replace(kept, port=8000), replace(kept, data=replace(kept.data, params={"name": "Else"}))):
        assert desk.alike(lambda choice, other=other: choice == other) is None  # type: ignore[misc]


@pytest.mark.parametrize(
    ("told", "problem", "again"),
    [
        ("failed", "stage-crashed", True),
        ("stopped", "", True),
        ("failed", "lib-missing", False),  # it would fail for ever
        ("done", "", False),
    ],
)
def test_it_goes_on_unless_it_is_done_or_beyond_help(
    desk: Desk, no_supervisor: None, told: str, problem: str, again: bool
) -> None:
    plan = identity_plan(desk)
    run = desk.launch(plan)
    status(desk, run, told, problem)
    assert desk.alike(lambda choice: choice == plan.choice) == (run if again else None)
    assert desk.unfinished("identity") == (run if again and told != "stopped" else None)


def test_a_run_whose_plan_is_broken_stands_in_nobody_s_way(desk: Desk, no_supervisor: None) -> None:
    plan = identity_plan(desk)
    run, broken = desk.launch(plan), desk.launch(identity_plan(desk))
    desk.folder(broken).plan.write_text("{", encoding="utf-8")
    assert desk.alike(lambda choice: choice == plan.choice) == run


def test_where_nothing_fits_the_nearest_says_what_it_lacks_and_what_would_help(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = detect.detect(Path("/"), {}, speed=False)
    home = Disk(path="/root", free_bytes=500_000_000, total_bytes=20_000_000_000, kind="local")
    large = replace(home, path="/mnt/data", free_bytes=900_000_000_000)
    monkeypatch.setattr("wizard.detect.detect", lambda *_, **__: replace(whole, gpus=(), disks=(home, large)))
    for models in ((), {"smollm2-135m"}):
        with pytest.raises(WizardError) as caught:
            desk.best("identity", models)
        problem = caught.value.problem
        assert (problem.code, caught.value.exit_code) == ("nothing-fits", ExitCode.NOTHING_FITS)
        for language, disk in (("en", "0.50 GB are free"), ("zh", "0.50 GB")):
            told = words.problem(problem.code, problem.params, language)
            assert disk in told["why"]
            assert "YCDY_STORE=/mnt/data" in told["next"]
            assert "?" not in "".join(told.values())


@pytest.mark.parametrize(("knob", "value"), [("port", -1), ("port", 65536), ("micro_batch", 0), ("save_steps", -5)])
def test_nonsense_is_refused_before_a_run_goes_on(desk: Desk, no_supervisor: None, knob: str, value: int) -> None:
    run = desk.launch(identity_plan(desk))
    with pytest.raises(WizardError) as caught:
        desk.resume(run, **{knob: value})
    assert caught.value.problem.code in ("knob-too-small", "knob-too-large")
    assert not desk.folder(run).concessions.exists()


def test_a_port_is_for_the_server_and_a_knob_for_the_training(desk: Desk, no_supervisor: None) -> None:
    folder = desk.folder(desk.launch(identity_plan(desk)))
    desk.resume(folder.name, port=0, save_steps=4)
    wishes = [json.loads(line) for line in folder.concessions.read_text(encoding="utf-8").splitlines()]
    assert {wish["stage"]: wish["changes"] for wish in wishes} == {"train": {"save_steps": 4}, "serve": {"port": 0}}


def test_pasted_rows_are_kept_and_read_like_a_file(desk: Desk) -> None:
    path = desk.paste('{"question": "a", "answer": "b"}\n{"question": "c", "answer": "d"}\n')
    assert desk.inspect(str(path)).usable == 2


@pytest.mark.parametrize("name", ["chatglm3-6b", "chatglm", "ZhipuAI/chatglm3-6b"])
def test_a_model_that_needs_its_own_code_is_not_offered_and_the_reason_is_told(desk: Desk, name: str) -> None:
    with pytest.raises(WizardError) as caught:
        desk.offers(model=name)
    assert caught.value.problem.code == "model-own-code"
