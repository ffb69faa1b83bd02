"""Connections that break, stall and lie: the real transfer in the real environment against a hub that misbehaves."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from tests.fakes.hub import BLOCK, Hub, running
from tests.unit.stages.fetching import KINDS, ONE, TWO, fetched, fetching, holds, model, ordered, source
from tests.unit.stages.programs import Stages, kill
from wizard.words import problem

FILES = model()
LONG = len(FILES[ONE])
BOTH = pytest.mark.parametrize("kind", KINDS)


def starts(hub: Hub) -> list[int]:
    return [int(re.sub(r"\D", "", asked)) for asked in hub.ranges]


@BOTH
def test_a_cut_connection_is_taken_up_where_it_broke(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES, cut_after=2_000_000)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 0
        assert hub.cuts == 1
        assert starts(hub) == [2_000_000]
        assert hub.sent[ONE] == LONG
    assert holds(fetched(fetch), FILES)


@BOTH
def test_a_connection_that_is_cut_again_and_again_comes_to_an_end(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES, cut_after=250_000, cut_times=-1)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 0
        assert hub.cuts >= 10
        assert hub.sent[ONE] == LONG
    assert holds(fetched(fetch), FILES)


@BOTH
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_new_process_goes_on_from_what_the_ended_one_had(
    stage: Stages, hub_python: Path, kind: str, end: signal.Signals
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has its programs ignore it
    with running(Hub(FILES, pause=0.1)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        process = fetch.start()
        fetch.wait_for(lambda _: hub.sent[ONE] >= 10 * BLOCK, process)
        process.send_signal(end)
        assert process.wait() != 0
        assert hub.sent[ONE] < LONG
        kept = max(path.stat().st_size for path in (fetch.home / "models" / "tiny" / ".part").iterdir())
        assert kept >= 9 * BLOCK
        hub.pause, hub.ranges = 0.0, []
        assert fetch.run() == 0
        assert kept in starts(hub)
    assert holds(fetched(fetch), FILES)
    assert not (fetched(fetch) / ".part").exists()


def test_the_other_hub_goes_on_from_the_first_one_s_part(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, pause=0.1)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("modelscope"))
        process = fetch.start()
        fetch.wait_for(lambda _: hub.sent[ONE] >= 10 * BLOCK, process)
        kill(process)
        hub.pause = 0.0
        assert ordered(fetch, source("huggingface")).run() == 0
        assert any(start >= 9 * BLOCK for start in starts(hub))
    assert holds(fetched(fetch), FILES)


@BOTH
def test_a_part_of_other_contents_is_not_gone_on_with(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES, pause=0.1)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        process = fetch.start()
        fetch.wait_for(lambda _: hub.sent[ONE] >= 10 * BLOCK, process)
        kill(process)
        hub.files, hub.commit, hub.pause, hub.ranges = model("new"), "e" * 40, 0.0, []
        assert fetch.run() == 0
        assert starts(hub) == []
    assert holds(fetched(fetch), model("new"))


@BOTH
def test_a_server_that_ignores_ranges_is_read_from_the_start(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES, cut_after=2_000_000, ignores_ranges=True)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 0
        assert hub.sent[ONE] == 2_000_000 + LONG
    assert holds(fetched(fetch), FILES)


def test_one_that_cuts_at_the_same_byte_for_ever_is_given_up(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, cut_after=2_000_000, cut_times=-1, ignores_ranges=True)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("huggingface"))
        assert fetch.run() == 1
        assert hub.cuts == 6
    found = fetch.problem()
    assert found["code"] == "hub-broke-off"
    assert (found["params"]["file"], found["params"]["why"]) == (ONE, "hub-cut")
    for language in ("en", "zh"):
        texts = problem(found["code"], found["params"], language)
        assert ONE in texts["what"] and "Hugging Face" in texts["what"]
        assert "resume" in texts["next"]
        assert "?" not in "".join(texts.values())


@BOTH
def test_a_silence_is_noticed_and_gone_round(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES, stall_after=2_000_000)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub, HF_HUB_DOWNLOAD_TIMEOUT="1"), source(kind))
        assert fetch.run() == 0
        assert hub.stalls == 1
        assert starts(hub) == [2_000_000]
    assert holds(fetched(fetch), FILES)


@BOTH
def test_wrong_bytes_of_the_right_size_are_refused(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES, wrong_bytes=ONE)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 1
        found = fetch.problem()
        assert found["code"] == "hub-file-damaged"
        assert found["params"] == {"file": ONE, "hub": kind, "model": "org/tiny"}
        assert not (fetch.home / "models" / "tiny" / ONE).exists()
        hub.wrong_bytes = ""
        assert fetch.run() == 0
        assert hub.sent[TWO] == len(FILES[TWO])
    assert holds(fetched(fetch), FILES)


def test_wrong_bytes_of_a_small_file_are_known_by_git_s_hash(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, wrong_bytes="config.json")) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("huggingface"))
        assert fetch.run() == 1
    assert fetch.problem()["params"]["file"] == "config.json"


@BOTH
@pytest.mark.parametrize("difference", [-1000, 1000])
def test_a_file_of_another_size_than_listed_is_refused(
    stage: Stages, hub_python: Path, kind: str, difference: int
) -> None:
    with running(Hub(FILES, sizes={TWO: len(FILES[TWO]) + difference})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 1
    assert fetch.problem() == {
        "code": "hub-file-damaged",
        "params": {"file": TWO, "hub": kind, "model": "org/tiny"},
    }


def test_without_hashes_the_size_is_checked(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, without_hashes=True, cut_after=2_000_000)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("modelscope"))
        assert fetch.run() == 0
        assert hub.sent[ONE] == LONG
    assert holds(fetched(fetch), FILES)


def test_a_disk_that_fills_up_keeps_what_came(stage: Stages, hub_python: Path, tmp_path: Path) -> None:
    small = tmp_path / "python"
    small.write_text(f'#!/bin/sh\nulimit -f 3000\nexec {hub_python} "$@"\n')  # in blocks of 512 bytes
    small.chmod(0o755)
    with running(Hub(FILES)) as hub:
        fetch = ordered(fetching(stage, small, hub), source("modelscope"), source("huggingface"))
        assert fetch.run() == 1
        assert fetch.problem()["code"] == "disk-full"
        hub.sent.clear()
        fetch.python = hub_python
        assert fetch.run() == 0
        assert 0 < hub.sent[ONE] < LONG
    assert holds(fetched(fetch), FILES)


@BOTH
@pytest.mark.parametrize("where", ["listing", "file"])
def test_a_busy_hub_is_waited_for_as_long_as_it_asks(stage: Stages, hub_python: Path, kind: str, where: str) -> None:
    hub = Hub(FILES, retry_after="2")
    if where == "listing":
        hub.stumbles = [429]
    else:
        hub.file_stumbles = {ONE: [429]}
    with running(hub):
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        begun = time.monotonic()
        assert fetch.run() == 0
        assert time.monotonic() - begun > 2
    assert fetch.notes() == ([] if where == "listing" else ["hub-waits"])


@BOTH
@pytest.mark.parametrize("where", ["listing", "file"])
def test_a_hub_that_stumbles_is_asked_again(stage: Stages, hub_python: Path, kind: str, where: str) -> None:
    hub = Hub(FILES)
    if where == "listing":
        hub.stumbles = [500]
    else:
        hub.file_stumbles = {ONE: [500, 503]}
    with running(hub):
        assert ordered(fetching(stage, hub_python, hub), source(kind)).run() == 0


@pytest.mark.parametrize(("status", "why"), [(429, "hub-busy"), (500, "hub-failing")])
@BOTH
def test_a_hub_that_only_stumbles_is_given_up(
    stage: Stages, hub_python: Path, kind: str, status: int, why: str
) -> None:
    with running(Hub(FILES, stumbles=[status] * 20)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 1
    assert fetch.problem()["params"] == {"hub": kind, "model": "org/tiny", "why": why}


@BOTH
@pytest.mark.parametrize(("status", "code"), [(401, "hub-refused"), (403, "hub-refused"), (404, "hub-lacks-file")])
def test_a_file_that_is_refused_is_told(stage: Stages, hub_python: Path, kind: str, status: int, code: str) -> None:
    with running(Hub(FILES, file_stumbles={ONE: [status]})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 1
    found = fetch.problem()
    assert (found["code"], found["params"]["hub"]) == (code, kind)
    assert found["params"].get("file", ONE) == ONE


def test_what_breaks_off_on_one_hub_is_taken_from_the_other(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, file_stumbles={ONE: [404]})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("modelscope"), source("huggingface"))
        assert fetch.run() == 0
        assert hub.sent[ONE] == LONG
    assert fetch.events("note")[0]["params"]["why"] == "hub-lacks-file"
    assert fetch.done()["result"]["source"] == "huggingface"
