"""The command as it is typed, in a home of its own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wizard import cli, words

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Typed]:
    """(exit code, stdout, stderr) of a verb with its flags; no hub is asked."""
    for name in [name for name in os.environ if name.startswith("YCDY_") and name != "YCDY_UV"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("YCDY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    before = words.language()

    def run(*arguments: str, stdin: str = "", lang: str = "en") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            code = cli.main([f"--lang={lang}", *arguments])
        except SystemExit as done:  # --help and --version
            code = int(done.code or 0)
        return code, *capsys.readouterr()

    yield run
    words.use(before)
