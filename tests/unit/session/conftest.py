import os
from pathlib import Path

import pytest

from wizard.journal import Home
from wizard.session import Desk


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in [name for name in os.environ if name.startswith("YCDY_") and name != "YCDY_UV"]:
        monkeypatch.delenv(name)
    return Home(tmp_path / "home", tmp_path / "home")


@pytest.fixture
def desk(home: Home) -> Desk:
    home.root.mkdir()
    return Desk(home)
