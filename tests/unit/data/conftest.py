from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parents[2] / "data" / "rows"


@pytest.fixture(scope="session")
def expected() -> dict[str, dict[str, Any]]:
    return dict(json.loads((CORPUS / "expected.json").read_text(encoding="utf-8")))


@pytest.fixture
def corpus() -> Path:
    return CORPUS


@pytest.fixture
def corpus_of_files() -> Path:
    return CORPUS.parent / "files"
