from pathlib import Path

import pytest

from wizard import words
from wizard.contract import Catalog, Cpu, Machine
from wizard.journal import Home
from wizard.plain import tables
from wizard.session.care import examine

NO_CARD = Machine(
    gpus=(), cpu=Cpu(name="any", cores=2, arch="x86_64"), ram_bytes=16 * 2**30, ram_free_bytes=8 * 2**30, disks=()
)
NOTHING = Catalog(recipes={}, models={}, methods={}, engines={}, datasets={}, boards={})


@pytest.mark.parametrize(("language", "told"), [("en", "no GPU: everything runs on the CPU"), ("zh", "没有显卡")])
def test_the_doctor_says_in_words_that_there_is_no_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    monkeypatch.setattr(words, "_language", language)
    assert told in tables.doctor(tuple(examine(Home(tmp_path, tmp_path), NO_CARD, NOTHING, "")))
