import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_desk import FakeDesk
from fake_values import RTX_4090

from wizard import words


@pytest.fixture(autouse=True)
def the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """English, UTC, no colour setting of the machine, and paths that no test can write to."""
    for name in ("NO_COLOR", "YCDY_LANG", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("HOME", "/home/you")
    time.tzset()
    words.use("en")
    yield
    words.use("en")


@pytest.fixture
def desk() -> FakeDesk:
    """A laptop without a card."""
    return FakeDesk()


@pytest.fixture
def gpu_desk() -> FakeDesk:
    return FakeDesk(machine=RTX_4090)
