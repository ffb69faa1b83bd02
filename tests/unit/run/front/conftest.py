import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from guarded import Served, serving


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """In a folder whose name is no ASCII."""
    with serving(tmp_path / "home 一") as made:
        yield made
