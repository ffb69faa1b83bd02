"""The wizard in a real terminal (tmux), Enter all the way, as a beginner would."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import SCRIPT, Run, answer, needs, newcomer

pytestmark = needs("tmux")


class Terminal:
    """One tmux server per test; what is waited for is a text, never a time."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self._tmux = ["tmux", "-L", name, "-f", "/dev/null"]
        self._environment = environment | {"TMUX": "", "TMUX_TMPDIR": str(folder)}

    def _call(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], env=self._environment, capture_output=True, text=True)
        return done.stdout

    def open(self, *arguments: str, width: int = 80, height: int = 24) -> None:
        command = ["bash", str(SCRIPT), *arguments]
        size = ["-x", str(width), "-y", str(height)]
        self._call("new-session", "-d", *size, *command)
        self._call("set-option", "-g", "remain-on-exit", "on")

    def screen(self) -> str:
        return self._call("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self._call("send-keys", *keys)

    def type(self, text: str) -> None:
        self._call("send-keys", "-l", text)

    def wait(self, *texts: str, seconds: float = 60) -> str:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            shown = self.screen()
            if any(text in shown for text in texts):
                return shown
            time.sleep(0.2)
        raise AssertionError(f"{texts} did not come within {seconds} s:\n{self.screen()}")

    def close(self) -> None:
        self._call("kill-server")


@pytest.fixture
def terminal(home: Path, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def make(*arguments: str, width: int = 80, height: int = 24, **more: str) -> Terminal:
        made = Terminal(f"ycdy-{len(opened)}", tmp_path, newcomer(home) | more)
        made.open(*arguments, width=width, height=height)
        opened.append(made)
        return made

    yield make
    for made in opened:
        made.close()


def test_enter_all_the_way_to_a_model_that_answers(ycdy: Run, terminal: Callable[..., Terminal]) -> None:
    known = {row["run"] for row in answer(ycdy("runs", "--json"))}
    window = terminal()
    for shown in ("What do you want to do", "Good for", "Enter choose", "Made by", "nothing has started yet"):
        window.wait(shown)
        window.press("Enter")
    window.wait("best", seconds=240)
    window.press("q")
    window.wait("yichuidingyin.sh attach")
    run = next(row["run"] for row in answer(ycdy("runs", "--json")) if row["run"] not in known)
    back = terminal("attach", run, width=120, height=40)
    shown = back.wait("talk to it below", seconds=400)
    assert re.search(r"http://127\.0\.0\.1:\d+", shown)
    back.wait("after", seconds=120)  # the answers come once the server has been asked
    back.type("What is your name?")
    back.press("Enter")
    assert re.search(r"(?m)^\s*it\s+\S", back.wait("it  ", seconds=120))
    assert ycdy("stop", run).returncode == 0


def test_the_demo_asks_two_questions_and_takes_enter_as_the_answer(
    ycdy: Run, terminal: Callable[..., Terminal]
) -> None:
    known = {row["run"] for row in answer(ycdy("runs", "--json"))}
    window = terminal("demo", "--author", "the Anvil team")
    window.wait("What shall the assistant be called?")
    window.press("Enter")
    window.wait("Started")
    window.press("C-c")
    window.wait("goes on without this window")
    run = next(row["run"] for row in answer(ycdy("runs", "--json")) if row["run"] not in known)
    assert ycdy("stop", run).returncode == 0


def test_a_tiny_window_says_so(terminal: Callable[..., Terminal]) -> None:
    window = terminal(width=50, height=15)
    window.wait("60x20")


def test_a_poor_terminal_gets_plain_questions(terminal: Callable[..., Terminal]) -> None:
    window = terminal("--plain")
    window.wait("What do you want to do")
    window.press("Enter")
    window.wait("Qwen", "SmolLM2")


def test_chinese_is_one_key_away(terminal: Callable[..., Terminal]) -> None:
    window = terminal()
    window.wait("What do you want to do")
    window.press("l")
    window.wait("想做什么")


def test_ctrl_c_leaves_without_a_traceback(terminal: Callable[..., Terminal]) -> None:
    window = terminal("--plain")
    window.wait("What do you want to do")
    window.press("C-c")
    assert "Traceback" not in window.wait("Pane is dead", "Interrupted", seconds=30)
