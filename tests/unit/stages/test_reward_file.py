from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wizard.errors import WizardError
from wizard.stages.rewards.sandbox import Sandbox

BATCH: dict[str, list[Any]] = {
    "prompts": ["2 and 2?", "3 and 3?"], "completions": ["4", "seven"], "solution": ["4", "6"],
    "messages": [[{"role": "user", "content": "2 and 2?"}], [{"role": "user", "content": "3 and 3?"}]],
}  # fmt: skip
Made = Callable[..., Sandbox]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Made]:
    made: list[Sandbox] = []

    def make(source: str, seconds: float = 20.0, **more: Any) -> Sandbox:
        file = tmp_path / "my reward.py"
        file.write_text(source, encoding="utf-8")
        made.append(Sandbox(file, tmp_path, seconds, **more))
        return made[-1]

    yield make
    for each in made:
        each.end()


def code_of(error: pytest.ExceptionInfo[WizardError]) -> tuple[str, dict[str, Any]]:
    return error.value.problem.code, dict(error.value.problem.params)


def test_a_users_function_judges_by_the_rows_own_columns(sandbox: Made) -> None:
    made = sandbox(
        "print('hello')\n"
        "def reward(prompts, completions, solution, messages, **columns):\n"
        "    print(prompts, messages[0][0]['content'])\n"
        "    return [float(c == s) for c, s in zip(completions, solution)]\n"
    )
    assert made.judge(BATCH) == ([1.0, 0.0], [])
    assert made.judge(BATCH) == ([1.0, 0.0], [])
    assert made.log.read_text().count("2 and 2?") == 4


def test_what_is_no_number_and_what_breaks_leaves_its_row_without_a_score(sandbox: Made) -> None:
    scores, faults = sandbox(
        "def reward(prompts, completions, **columns):\n    return [float('nan'), None] if len(prompts) > 1 else [1]\n"
    ).judge(BATCH)
    assert (scores, [fault["place"] for fault in faults]) == ([None, None], [0])
    scores, faults = sandbox("def reward(prompts, completions, **columns):\n    return [True, 'good']\n").judge(BATCH)
    assert (scores, faults) == ([1.0, None], [{"place": 1, "error": "'good'", "line": 0}])
    scores, faults = sandbox(
        "def reward(prompts, completions, **columns):\n    return [float(each) for each in completions]\n"
    ).judge(BATCH)
    assert scores == [4.0, None]
    assert [(fault["place"], fault["line"]) for fault in faults] == [(1, 2)]
    assert "could not convert string to float" in faults[0]["error"]


BROKEN = {
    "def reward(:\n": (1, "SyntaxError"),
    "x = 1\nimport nothing_of_that_name\n": (2, "ModuleNotFoundError"),
    "def rewards(): ...\n": (0, "no function `reward`"),
    "raise SystemExit(3)\n": (1, "SystemExit"),
}


@pytest.mark.parametrize("source", BROKEN)
def test_a_file_that_cannot_be_loaded_is_a_problem_with_its_line(sandbox: Made, source: str) -> None:
    with pytest.raises(WizardError) as error:
        sandbox(source)
    code, params = code_of(error)
    assert (code, params["line"]) == ("reward-file-broken", BROKEN[source][0])
    assert BROKEN[source][1] in params["error"] and "line" not in params["error"]


ENDS = {
    "import os\ndef reward(**_):\n    os._exit(3)\n": ("reward-file-crashed", {"ended": "3"}),
    "import os, signal\ndef reward(**_):\n    os.kill(os.getpid(), signal.SIGSEGV)\n": (
        "reward-file-crashed",
        {"ended": "SIGSEGV"},
    ),
    "import time\ndef reward(**_):\n    time.sleep(60)\n": ("reward-file-slow", {"seconds": 0.5}),
    "def reward(**_):\n    while True: pass\n": ("reward-file-slow", {"seconds": 0.5}),
    "def reward(**_):\n    return [1.0]\n": ("reward-file-count", {"got": 1, "wanted": 2}),
    "def reward(prompts, **_):\n    return 1.0 if len(prompts) > 1 else [1.0, 2.0]\n": (
        "reward-file-count",
        {"got": 2, "wanted": 1},
    ),
}


@pytest.mark.parametrize("source", ENDS)
def test_a_function_that_dies_hangs_or_miscounts_is_a_problem(sandbox: Made, source: str) -> None:
    made = sandbox(source, seconds=0.5)
    began = time.monotonic()
    with pytest.raises(WizardError) as error:
        made.judge(BATCH)
    code, params = code_of(error)
    assert time.monotonic() - began < 10
    assert code == ENDS[source][0]
    assert ENDS[source][1].items() <= params.items()
    if "row" in params:
        assert params["row"] == "2 and 2?"
    with pytest.raises(ProcessLookupError):
        os.kill(made.process.pid, 0)


def test_memory_has_a_bound(sandbox: Made) -> None:
    scores, faults = sandbox("def reward(**_):\n    return [bytearray(64 << 30)]\n").judge(BATCH)
    assert scores == [None, None]
    assert faults[0]["error"].startswith("MemoryError")


SPY = """
import os, socket, urllib.request
def tried(what):
    try:
        return what()
    except Exception as error:
        return error
def seen():
    yield from os.environ
    yield from os.environ.values()
    parent = f"/proc/{os.getppid()}/environ"
    yield tried(lambda: open(parent, "rb").read().decode(errors="replace"))
    yield tried(lambda: open(SECRET).read())
    yield tried(lambda: socket.create_connection(("127.0.0.1", PORT), 1) and "reached")
def reward(prompts, completions, **_):
    print(*(str(each) for each in seen()), sep="\\n")
    return [0.0] * len(prompts)
"""


def test_it_sees_no_key_no_secret_and_no_network(
    sandbox: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setenv("HF_TOKEN", "hf_do_not_tell")
    monkeypatch.setenv("HTTPS_PROXY", "http://name:word@proxy")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "key").write_text("the-api-key")
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = SPY.replace("SECRET", repr(str(secrets / "key"))).replace("PORT", str(server.getsockname()[1]))
        made = sandbox(source, hidden=[secrets])
        assert made.judge(BATCH)[0] == [0.0, 0.0]
    told = made.log.read_text()
    assert "hf_do_not_tell" not in told or not made.closed
    assert "name:word" not in told
    if subprocess.run(["unshare", "-Urnm", "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody make namespaces: nothing can be shut off")
    assert made.closed
    assert "the-api-key" not in told
    assert "reached" not in told
    assert "No such file" in told
    assert (secrets / "key").read_text() == "the-api-key"


def test_it_ends_with_the_process_that_asks(tmp_path: Path) -> None:
    file = tmp_path / "reward.py"
    file.write_text("import time\ndef reward(**_):\n    time.sleep(600)\n")
    asking = (
        "import sys; from pathlib import Path; from wizard.stages.rewards.sandbox import Sandbox\n"
        f"made = Sandbox(Path({str(file)!r}), Path({str(tmp_path)!r}), 600.0)\n"
        "print(made.process.pid, flush=True)\n"
        "made.judge({'prompts': ['a'], 'completions': ['b']})\n"
    )
    import sys

    asker = subprocess.Popen([sys.executable, "-c", asking], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert asker.stdout is not None
    judge = int(asker.stdout.readline())
    asker.kill()
    asker.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{judge}").exists() and "Z" not in Path(f"/proc/{judge}/stat").read_text().rpartition(")")[2][:3]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
