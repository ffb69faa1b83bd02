from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.stages.crews import SLEEP, UP, wait_for_cards
from tests.unit.stages.programs import StageRun


def test_each_card_has_its_place_and_all_meet_at_one(head: Callable[..., StageRun]) -> None:
    code = "seat.note('here', card=card); (seat.folder / f'port-{card}').write_text(os.environ['MASTER_PORT'])"
    stage = head(code, cards=3)
    assert stage.run() == 0, (stage.path / "log.txt").read_text()
    assert len({(stage.path / f"port-{card}").read_text() for card in range(3)}) == 1
    assert [note["params"]["card"] for note in stage.events("note")] == [0]  # only the first has the word
    assert stage.done()["result"] == {}


def test_what_was_told_first_is_what_the_stage_tells(head: Callable[..., StageRun]) -> None:
    code = """
if card == 1:
    tell("out-of-memory", stage="train", log="l"); os._exit(75)
time.sleep(0.3); tell("card-failed", stage="train", card=0, error="connection closed", log="l"); os._exit(1)
"""
    stage = head(code)
    assert stage.run() == 75
    assert stage.problem() == {"code": "out-of-memory", "params": {"stage": "train", "log": "l"}}


def test_the_others_are_ended_when_one_has_failed(head: Callable[..., StageRun]) -> None:
    code = (
        UP
        + """
if card == 1:
    tell("card-failed", stage="train", card=1, error="ValueError: odd", log="l"); os._exit(1)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""
        + SLEEP
    )
    stage = head(code, cards=3)
    process = stage.start()
    pids = wait_for_cards(stage, process, 3)
    assert process.wait() == 1
    assert stage.problem()["params"]["error"] == "ValueError: odd"
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


PULSE = """
from wizard.stages.watching import pulse
pulse.BEAT_SECONDS = 0.05
mine = pulse.Pulse(card, seat.folder / "pulses" / f"{card}.json")
mine.beat("step", 7)
mine.start()
"""


@pytest.mark.parametrize("how", ["mine.beat('rows')", "time.sleep(0.5); os.kill(os.getpid(), signal.SIGSTOP)"])
def test_a_card_that_the_others_wait_for_in_vain_is_named_and_all_are_ended(
    head: Callable[..., StageRun], how: str
) -> None:
    stage = head(f"{UP}{PULSE}\nif card == 1:\n    {how}\n{SLEEP}", cards=3)
    process = stage.start()
    pids = wait_for_cards(stage, process, 3)
    assert process.wait() == 1
    told = stage.problem()
    assert (told["code"], told["params"]["card"], told["params"]["step"]) == ("card-hangs", "1", 7)
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_killed_card_ends_the_stage_as_if_it_had_been_killed_itself(head: Callable[..., StageRun]) -> None:
    stage = head(UP + SLEEP)
    process = stage.start()
    os.kill(wait_for_cards(stage, process)[1], signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert stage.events("failed") == []


def test_a_wish_to_stop_reaches_every_card_and_waits_as_long_as_they_need(head: Callable[..., StageRun]) -> None:
    saves = """
def save(*_):
    time.sleep(2 * card); (seat.folder / f"saved-{card}").touch(); os._exit(143)
signal.signal(signal.SIGTERM, save)
"""
    stage = head(saves + UP + SLEEP)
    process = stage.start()
    wait_for_cards(stage, process)
    process.terminate()
    assert process.wait() == 143
    assert sorted(path.name for path in stage.path.glob("saved-*")) == ["saved-0", "saved-1"]
    assert stage.events("failed") == []


def test_a_wish_to_stop_that_finds_the_cards_unready_is_a_stop_too(head: Callable[..., StageRun]) -> None:
    code = "card or signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + UP + SLEEP  # the first would wait for ever
    stage = head(code)
    process = stage.start()
    wait_for_cards(stage, process)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait() == 143


def test_a_crash_without_a_word_keeps_its_code(head: Callable[..., StageRun]) -> None:
    stage = head("sys.exit(3 if card else 0)")
    assert stage.run() == 3
    assert stage.events("failed") == []


def test_a_torn_line_of_the_first_card_does_not_swallow_the_problem(head: Callable[..., StageRun]) -> None:
    code = """
if card == 0:
    with open(seat.folder / "events.jsonl", "a") as file: file.write('{"kind": "no')
    tell("disk-full", stage="train", path="p"); os._exit(1)
"""
    stage = head(code)
    assert stage.run() == 1
    lines = (stage.path / "events.jsonl").read_text().splitlines()
    assert '"disk-full"' in lines[-1]
    assert lines[-2] == '{"kind": "no'


def test_the_cards_hold_the_stage_s_lock_and_stay_in_its_group(head: Callable[..., StageRun], tmp_path: Path) -> None:
    import fcntl

    stage = head(UP + "assert os.getpgid(0) == os.getppid()\n" + SLEEP)
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock.fileno(), True)
        command = [sys.executable, "-m", "wizard.stages.head", str(stage.path)]
        environment = {**os.environ, "PYTHONPATH": str(stage.lib)}
        process = subprocess.Popen(command, env=environment, cwd=stage.path, process_group=0, pass_fds=[lock.fileno()])
    try:
        wait_for_cards(stage, process)
        process.kill()
        process.wait()
        with (tmp_path / "lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    with (tmp_path / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
