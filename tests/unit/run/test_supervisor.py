from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wizard.errors import WizardError
from wizard.journal import locked, read_json
from wizard.run import concede, stop, supervised, take
from wizard.run.control import stage_marker
from wizard.run.processes import alive, look, marked

from .conftest import Toy, stage, until

DONE = "done()"
WAIT = "event('phase', code='waiting'); wait_for(here / 'go'); done()"
SERVE = """
on_term(lambda: sys.exit(0))
event('ready', endpoint='http://127.0.0.1:1/v1', model='toy', engine='toy')
while True: time.sleep(0.05)
"""
TRAIN = """
def save():
    event('checkpoint', step=3, path='c', seconds=0); sys.exit(0)
on_term(save)
metric(1); event('progress', done=1, total=10, unit='steps')
wait_for(here / 'go'); done()
"""


def go(toy: Toy, folder: str) -> None:
    (toy.folder.path / folder / "go").touch()


def test_stages_run_one_after_another_to_the_end(toy: Callable[..., Toy]) -> None:
    run = toy(
        stage("fetch", "done(model=str(here))", 1),
        stage("prepare", "assert facts['inputs']['fetch']['model']; done()", 2, inputs=("fetch",)),
    )
    state = run.run()
    assert state.status == "done"
    assert [item.status for item in state.stages] == ["done", "done"]


def test_a_stage_sees_only_what_it_should(toy: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONDONTWRITEBYTECODE", "RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.setenv(name, "1")
    look_around = """
import stat
assert not {'PYTHONDONTWRITEBYTECODE', 'RANK', 'WORLD_SIZE', 'LOCAL_RANK'} & set(os.environ)
assert os.environ['PYTHONPATH'].endswith('lib/toylib')
assert os.environ['YCDY_STAGE'] == 'toy/fetch' and os.environ['EXTRA'] == '1'
assert os.getcwd() == str(here) and os.getsid(0) == os.getpid()
assert sys.stdin.read() == '' and not os.isatty(1) and not os.isatty(2)
assert stat.S_ISREG(os.fstat(1).st_mode)
print('hello from the stage')
done()
"""
    run = toy(stage("fetch", look_around, 1, variables={"EXTRA": "1"}))
    assert run.run().status == "done"
    assert "hello from the stage" in (run.folder.path / "01-fetch" / "log.txt").read_text()


def test_what_is_done_is_not_done_again_and_a_changed_digest_is(toy: Callable[..., Toy]) -> None:
    count = "line('count', n=1); done()"
    run = toy(stage("fetch", count, 1), stage("prepare", count, 2))
    run.run()
    run.run()
    assert len((run.folder.path / "01-fetch" / "count").read_text().splitlines()) == 1
    run.change("prepare", digest="other")
    assert run.run().status == "done"
    assert len((run.folder.path / "01-fetch" / "count").read_text().splitlines()) == 1
    assert len((run.folder.path / "02-prepare" / "count").read_text().splitlines()) == 2


def test_an_output_that_was_removed_is_made_again(toy: Callable[..., Toy]) -> None:
    make = "(here / 'model').touch(); done(model=str(here / 'model'))"
    run = toy(stage("fetch", make, 1), stage("train", "sys.exit(rung or 1)", 2, inputs=("fetch",)))
    run.run()
    model = run.folder.path / "01-fetch" / "model"
    model.unlink()
    run.run()
    assert model.exists()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("raise RuntimeError('boom')", "stage-crashed"),
        ("pass", "stage-crashed"),
        ("os.kill(os.getpid(), 9)", "stage-killed"),
        ("os.kill(os.getpid(), signal.SIGABRT)", "stage-killed"),
        ("(here / 'reading.json').write_text('{\"path\": \"x\"}'); os.abort()", "data-reader-died"),
        ("event('failed', problem={'code': 'disk-full', 'params': {}}); sys.exit(1)", "disk-full"),
        ("(here / 'done.json').write_text('{\"digest\": \"another\"}')", "stage-crashed"),
        ("(here / 'done.json').write_text('{\"dige')", "stage-crashed"),
        ("sys.exit(75)", "stage-out-of-memory"),
    ],
)
def test_each_way_to_fail_has_its_problem(toy: Callable[..., Toy], code: str, problem: str) -> None:
    state = toy(stage("train", code, 1), stage("merge", DONE, 2)).run()
    assert state.status == "failed"
    assert [item.status for item in state.stages] == ["failed", "waiting"]
    assert state.problem is not None
    assert state.problem.code == problem


def test_a_crash_names_the_log_and_its_last_line(toy: Callable[..., Toy]) -> None:
    problem = toy(stage("train", "raise RuntimeError('boom')", 1)).run().problem
    assert problem is not None
    assert problem.params["last"] == "RuntimeError: boom"
    assert Path(problem.params["log"]).name == "log.txt"


def test_a_crash_after_the_work_was_done_loses_nothing(toy: Callable[..., Toy]) -> None:
    assert toy(stage("train", "done(); os.abort()", 1)).run().status == "done"


def test_want_of_memory_goes_down_the_ladder(toy: Callable[..., Toy]) -> None:
    code = "sys.exit(75) if spec['knobs']['micro_batch'] > 1 else done()"
    run = toy(stage("train", code, 1, rungs=({}, {"micro_batch": 2}, {"micro_batch": 1, "accumulate": 8})))
    assert run.run().status == "done"
    assert [(event["from"], event["to"]) for event in run.events("conceded")] == [(0, 1), (1, 2)]
    done = read_json(run.folder.path / "01-train" / "done.json")
    assert (done["rung"], done["result"]["knobs"]) == (2, {"micro_batch": 1, "accumulate": 8})


def test_below_the_last_rung_it_fails(toy: Callable[..., Toy]) -> None:
    told = "event('failed', problem={'code': 'out-of-memory', 'params': {'asked': 5}}); sys.exit(75)"
    state = toy(stage("train", told, 1, rungs=({}, {"micro_batch": 1}))).run()
    assert (state.status, state.stages[0].rung) == ("failed", 1)
    assert state.problem is not None
    assert (state.problem.code, state.problem.params) == ("out-of-memory", {"asked": 5})


def test_a_killed_stage_that_got_somewhere_is_started_once_more(toy: Callable[..., Toy]) -> None:
    code = "event('checkpoint', step=3, path='c', seconds=0)\nif attempt == 1: os.kill(os.getpid(), 9)\ndone()"
    run = toy(stage("train", code, 1))
    assert run.run().status == "done"
    assert [event["code"] for event in run.events("note")] == ["stage-restarted"]


def test_a_stage_that_is_killed_again_and_again_fails(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", "event('progress', done=1, total=2)\nos.kill(os.getpid(), 9)", 1))
    assert run.run().status == "failed"
    assert run.state().stages[0].attempt == 2


def test_stopped_and_gone_on_with(toy: Callable[..., Toy]) -> None:
    run = toy(stage("fetch", DONE, 1), stage("train", TRAIN, 2))
    run.launch()
    until(lambda: run.events("progress", "02-train/events.jsonl"))
    assert stop(run.folder)
    state = run.over()
    assert (state.status, state.checkpoint_step) == ("stopped", 3)
    assert state.stages[1].status == "stopped"
    go(run, "02-train")
    assert run.run().status == "done"


def test_stop_after_the_next_checkpoint(toy: Callable[..., Toy]) -> None:
    code = """
metric(1); event('progress', done=1, total=10, unit='steps')
wait_for(here / 'go'); event('checkpoint', step=5, path='c', seconds=0)
while True: time.sleep(0.05)
"""
    run = toy(stage("train", code, 1))
    run.launch()
    until(lambda: run.events("progress", "01-train/events.jsonl"))
    stop(run.folder, after_checkpoint=True)
    assert supervised(run.folder)
    go(run, "01-train")
    state = run.over()
    assert (state.status, state.checkpoint_step) == ("stopped", 5)


def test_a_stage_deaf_to_asking_is_killed(toy: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch) -> None:
    from wizard.run.child import Child

    run = toy(stage("train", "signal.signal(15, signal.SIG_IGN); event('phase', code='deaf'); time.sleep(600)", 1))
    run.launch()
    until(lambda: run.events("phase", "01-train/events.jsonl"))
    child = Child.left_in(run.folder.stage("01-train"))
    assert child is not None
    child.ask_to_end(grace=0)
    child.insist()
    assert run.over().status == "failed"


def test_a_service_serves_until_it_is_stopped_and_can_be_served_again(toy: Callable[..., Toy]) -> None:
    run = toy(stage("fetch", DONE, 1), stage("serve", SERVE, 2))
    for _ in range(2):
        run.launch()
        until(lambda: run.state().status == "serving")
        assert run.state().endpoint == "http://127.0.0.1:1/v1"
        stop(run.folder)
        until(lambda: not locked(run.folder.lock))
        assert run.over().status == "done"
    assert run.state().endpoint == ""


def test_a_taken_port_is_changed_on_resume_and_a_knob_that_there_is_not_is_told(toy: Callable[..., Toy]) -> None:
    serve = f"assert spec['port'] == 0, 'taken'{SERVE}"
    run = toy(stage("train", DONE, 1), stage("serve", serve, 2, spec={"code": serve, "port": 8000}))
    assert run.run().status == "failed"
    with pytest.raises(WizardError) as caught:
        concede(run.folder, "train", {"port": 0})
    assert caught.value.problem.code == "unknown-knob"
    concede(run.folder, "serve", {"port": 0})
    run.launch()
    until(lambda: run.state().status == "serving")
    stop(run.folder)
    assert run.over().status == "done"


def test_a_service_that_ends_by_itself_has_failed(toy: Callable[..., Toy]) -> None:
    problem = toy(stage("serve", "event('ready', endpoint='x', model='m', engine='e')", 1)).run().problem
    assert problem is not None
    assert problem.code == "service-ended"


def test_killing_the_supervisor_kills_no_stage_and_the_next_one_adopts_it(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", WAIT, 1), stage("merge", DONE, 2))
    supervisor = run.launch()
    pid = run.pid("train")
    until(lambda: run.events("phase", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not supervised(run.folder))
    assert run.state().status == "interrupted"
    assert locked(run.folder.path / "01-train" / "lock")
    run.launch()
    until(lambda: [event for event in run.events("note") if event["code"] == "stage-adopted"])
    go(run, "01-train")
    assert run.over().status == "done"
    assert run.pid("train") == pid
    assert run.state().stages[0].attempt == 1


def test_a_stage_that_finished_alone_is_found_done(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", WAIT, 1), stage("merge", DONE, 2))
    supervisor = run.launch()
    until(lambda: run.events("phase", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGKILL)
    go(run, "01-train")
    until(lambda: not locked(run.folder.path / "01-train" / "lock") and not supervised(run.folder))
    state = run.run()
    assert state.status == "done"
    assert [item.attempt for item in state.stages] == [1, 1]


def test_an_adopted_stage_can_be_stopped(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", TRAIN, 1))
    supervisor = run.launch()
    until(lambda: run.events("progress", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not supervised(run.folder))
    run.launch()
    stop(run.folder)
    state = run.over()
    assert (state.status, state.checkpoint_step) == ("stopped", 3)


def test_supervisor_and_stage_both_killed(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", TRAIN, 1))
    supervisor = run.launch()
    until(lambda: run.events("progress", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGKILL)
    os.kill(run.pid("train"), signal.SIGKILL)
    until(lambda: not supervised(run.folder) and not locked(run.folder.path / "01-train" / "lock"))
    go(run, "01-train")
    state = run.run()
    assert (state.status, state.stages[0].attempt) == ("done", 2)


def test_stop_ends_what_a_killed_supervisor_left(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", TRAIN, 1))
    supervisor = run.launch()
    until(lambda: run.events("progress", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not supervised(run.folder))
    assert stop(run.folder)
    assert not locked(run.folder.path / "01-train" / "lock")
    assert not stop(run.folder)


def test_a_hang_up_stops_nothing(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", WAIT, 1))
    supervisor = run.launch()
    until(lambda: run.events("phase", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGHUP)
    os.killpg(run.pid("train"), signal.SIGHUP)
    assert os.getsid(supervisor) == supervisor
    go(run, "01-train")
    assert run.over().status == "done"


def test_sigterm_to_the_supervisor_is_a_stop(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", TRAIN, 1))
    supervisor = run.launch()
    until(lambda: run.events("progress", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGTERM)
    assert run.over().status == "stopped"


def test_a_second_launch_attaches(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", WAIT, 1))
    first = run.launch()
    assert run.launch() == first
    go(run, "01-train")
    run.over()
    assert len(run.events("run-started")) == 1


def test_two_supervisors_started_at_once_are_one(toy: Callable[..., Toy]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    run = toy(stage("train", WAIT, 1))
    with ThreadPoolExecutor(3) as pool:
        pids = {future.result() for future in [pool.submit(run.launch) for _ in range(3)]}
    assert len(pids) == 1
    go(run, "01-train")
    run.over()
    assert len(run.events("run-started")) == 1
    assert len(run.events("stage-started")) == 1


def test_workers_in_sessions_of_their_own_are_ended_with_their_stage(toy: Callable[..., Toy]) -> None:
    code = """
import subprocess
worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)
event('worker', pid=worker.pid)
os.kill(os.getpid(), 9)
"""
    run = toy(stage("train", code, 1))
    assert run.run().status == "failed"
    worker = run.events("worker", "01-train/events.jsonl")[0]["pid"]
    assert look(worker) is None
    assert marked(stage_marker(run.folder, "train")) == []


def test_workers_left_over_by_two_kills_are_ended_before_the_next_start(toy: Callable[..., Toy]) -> None:
    code = """
import subprocess
if attempt == 1:
    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True, close_fds=False)
    event('phase', code='with-worker'); time.sleep(600)
done()
"""
    run = toy(stage("train", code, 1))
    supervisor = run.launch()
    until(lambda: run.events("phase", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGKILL)
    os.kill(run.pid("train"), signal.SIGKILL)
    until(lambda: not supervised(run.folder))
    assert marked(stage_marker(run.folder, "train"))
    assert run.run().status == "done"
    assert marked(stage_marker(run.folder, "train")) == []


def test_cards_of_a_killed_stage_are_ended_before_it_is_started_once_more(toy: Callable[..., Toy]) -> None:
    code = """
import subprocess
if attempt == 2:
    assert not [line for line in open(here / 'cards') if os.path.exists(f'/proc/{line.strip()}')]
    done(); sys.exit()
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
cards = [subprocess.Popen([sys.executable, '-c', deaf], close_fds=False, stdout=subprocess.PIPE) for _ in range(2)]
for card in cards: card.stdout.readline()
(here / 'cards').write_text(''.join(f'{card.pid}\\n' for card in cards))
event('checkpoint', step=3, path='c', seconds=0)
os.kill(os.getpid(), 9)
"""
    run = toy(stage("train", code, 1), device="cuda", gpus=(0, 1))
    run.launch()
    until(lambda: run.events("checkpoint", "01-train/events.jsonl"))
    assert [locked(run.home.locks / f"gpu-{card}.lock") for card in (0, 1)] == [True, True]
    assert run.over().status == "done"
    assert [event["code"] for event in run.events("note")] == ["leftovers-ended", "stage-restarted"]
    assert [locked(run.home.locks / f"gpu-{card}.lock") for card in (0, 1)] == [False, False]


def test_a_wish_changes_the_knobs_and_keeps_the_effective_batch(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", "sys.exit(1) if attempt == 1 else done()", 1))
    run.run()
    concede(run.folder, "train", {"micro_batch": 1})
    run.run()
    done = read_json(run.folder.path / "01-train" / "done.json")
    assert done["result"]["knobs"] == {"micro_batch": 1, "accumulate": 8}
    assert [event["by"] for event in run.events("conceded")] == ["user"]


def test_a_wish_for_what_is_not_there_is_refused(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", DONE, 1))
    with pytest.raises(WizardError, match="unknown-knob"):
        concede(run.folder, "train", {"micro_bath": 1})
    with pytest.raises(WizardError, match="unknown-stage"):
        concede(run.folder, "fly", {"micro_batch": 1})


def test_a_gpu_in_use_is_waited_for(toy: Callable[..., Toy]) -> None:
    run = toy(stage("fetch", DONE, 1), stage("train", DONE, 2), device="cuda", gpus=(0,))
    other = take(run.home.locks / "gpu-0.lock")
    assert other is not None
    run.launch()
    until(lambda: [event for event in run.events("note") if event["code"] == "gpu-waiting"])
    assert run.status("fetch") == "done"
    assert run.status("train") == "waiting"
    other.release()
    assert run.over().status == "done"


def test_every_gpu_of_a_plan_is_waited_for(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", DONE, 1), device="cuda", gpus=(2, 0, 1))
    other = take(run.home.locks / "gpu-2.lock")
    assert other is not None
    run.launch()
    (note,) = until(lambda: [event for event in run.events("note") if event["code"] == "gpu-waiting"])
    assert note["params"]["gpu"] == 2
    assert [locked(run.home.locks / f"gpu-{card}.lock") for card in (0, 1)] == [True, True]
    other.release()
    assert run.over().status == "done"


def test_a_stage_keeps_its_gpu_when_the_supervisor_is_killed(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", WAIT, 1), device="cuda", gpus=(1,))
    supervisor = run.launch()
    until(lambda: run.events("phase", "01-train/events.jsonl"))
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not supervised(run.folder))
    assert locked(run.home.locks / "gpu-1.lock")


def test_code_that_was_removed_is_told(toy: Callable[..., Toy]) -> None:
    import shutil

    run = toy(stage("train", DONE, 1))
    shutil.rmtree(run.home.lib)
    problem = run.run().problem
    assert problem is not None
    assert problem.code == "lib-missing"


def test_a_supervisor_that_cannot_start_is_told_with_its_log(toy: Callable[..., Toy]) -> None:
    from wizard.run import launch

    run = toy(stage("train", DONE, 1))
    with pytest.raises(WizardError, match="supervisor-failed") as caught:
        launch(run.folder, [sys.executable, "-c", "raise SystemExit('no such thing')"])
    assert caught.value.problem.params["last"] == "no such thing"


def test_corrupt_lines_in_the_journal_do_not_stop_a_resume(toy: Callable[..., Toy]) -> None:
    run = toy(stage("fetch", DONE, 1), stage("train", "sys.exit(1) if attempt == 1 else done()", 2))
    run.run()
    with run.folder.supervisor.open("ab") as file:
        file.write(b'\xff\xfe garbage\n{"kind": "torn')
    state = run.run()
    assert (state.status, state.stages[1].attempt) == ("done", 2)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_waited_for_and_the_run_goes_on_by_itself(toy: Callable[..., Toy], tmp_path: Path) -> None:
    import subprocess

    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no mounts here")
    try:
        fill = """
if attempt < 3:
    with open(here / 'checkpoint', 'wb') as file:
        while True: file.write(b'x' * 65536); file.flush()
done()
"""
        run = toy(stage("fetch", DONE, 1), stage("train", fill, 2), root=disk / "home")
        run.launch()
        until(lambda: "run-disk-waits" in [note["code"] for note in run.events("note")])
        assert run.state().status == "running"
        stop(run.folder)
        assert run.over().status == "stopped"
        (run.folder.path / "02-train" / "checkpoint").unlink()
        run.launch()
        until(lambda: [note["code"] for note in run.events("note")].count("run-disk-waits") == 2)
        (run.folder.path / "02-train" / "checkpoint").unlink()
        assert run.over().status == "done"
        assert [event["attempt"] for event in run.events("stage-started")] == [1, 1, 2, 3]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


ASTRAY = """
rates = here / 'rates'
rates.write_text((rates.read_text() if rates.exists() else '') + f"{spec['knobs']['learning_rate']} ")
if attempt <= spec['astray']:
    event('failed', problem={'code': 'loss-not-finite', 'params': {'step': 3}}); sys.exit(1)
done()
"""


@pytest.mark.parametrize(("times", "status"), [(1, "done"), (2, "done"), (3, "failed")])
def test_what_went_astray_goes_back_with_a_lower_rate_twice_and_no_more(
    toy: Callable[..., Toy], times: int, status: str
) -> None:
    knobs = {"micro_batch": 4, "accumulate": 2, "learning_rate": 1e-3}
    run = toy(stage("train", ASTRAY, 1, spec={"code": ASTRAY, "astray": times, "knobs": knobs}))
    state = run.run()
    assert state.status == status
    rates = (run.folder.path / "01-train" / "rates").read_text().split()
    assert rates == ["0.001", "0.0003", "9e-05"][: times + 1]
    told = [note.params for note in state.notes if note.code == "rolled-back"]
    assert told == [{"changes": f"learning_rate={rate}", "why": "loss-not-finite"} for rate in rates[1:]]
    if status == "failed":  # a person's own rate goes before, and a resume begins to count where it was
        concede(run.folder, "train", {"learning_rate": 1e-5})
        assert run.run().status == "done"


def test_a_stage_that_hangs_is_started_once_more(toy: Callable[..., Toy]) -> None:
    code = "event('failed', problem={'code': 'card-hangs', 'params': {}}); sys.exit(1)"
    run = toy(stage("train", f"if attempt == 2: done(); sys.exit(0)\n{code}", 1))
    assert run.run().status == "done"
    run = toy(stage("train", code, 1), root=run.home.root.parent / "other")
    assert run.run().status == "failed"
    assert len(run.events("stage-started")) == 2


def test_the_spec_a_stage_gets(toy: Callable[..., Toy]) -> None:
    run = toy(stage("fetch", "done(model='/m')", 1), stage("prepare", DONE, 2, inputs=("fetch",)))
    run.run()
    spec = json.loads((run.folder.path / "02-prepare" / "spec.json").read_text())
    assert {key: spec[key] for key in ("stage", "run", "digest", "rung", "attempt", "inputs")} == {
        "stage": "prepare",
        "run": "toy",
        "digest": "d-prepare",
        "rung": 0,
        "attempt": 1,
        "inputs": {"fetch": {"model": "/m"}},
    }
    assert spec["environments"] == {"toy-cpu-py311": str(run.home.envs / "toy-x")}
    assert spec["results"]["fetch"] == {"knobs": {"micro_batch": 4, "accumulate": 2}}


def test_a_dead_pid_or_a_reused_one_is_not_alive() -> None:
    me = look(os.getpid())
    assert me is not None
    assert alive(os.getpid(), me.started)
    assert not alive(os.getpid(), me.started - 1)
    assert not alive(2**22 - 1, 5)


def test_an_output_that_never_appears_does_not_go_round_for_ever(toy: Callable[..., Toy]) -> None:
    run = toy(stage("fetch", "done(model='/nowhere/model')", 1), stage("train", DONE, 2, inputs=("fetch",)))
    assert run.run().status == "done"
    assert [event["attempt"] for event in run.events("stage-started") if event["stage"] == "fetch"] == [1, 2]


def test_what_was_said_relative_to_the_launcher_s_folder_still_holds(
    toy: Callable[..., Toy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = toy(stage("fetch", "assert os.environ['YCDY_HOME'] == spec['home']; done()", 1))
    code = {"code": run.plan.stages[0].spec["code"], "home": str(tmp_path / "home")}
    run.change("fetch", spec=code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YCDY_HOME", "home")
    assert run.run().status == "done"
