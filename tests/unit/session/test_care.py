from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wizard import words
from wizard.catalog import builtin, load
from wizard.contract import Catalog, Cpu, Disk, Gpu, Machine
from wizard.journal import Home
from wizard.plain import tables
from wizard.session import care

NO_CARD = Machine(
    gpus=(), cpu=Cpu(name="any", cores=2, arch="x86_64"), ram_bytes=16 * 2**30, ram_free_bytes=8 * 2**30, disks=()
)
NOTHING = Catalog(recipes={}, models={}, methods={}, engines={}, datasets={}, boards={})


@pytest.mark.parametrize(("language", "told"), [("en", "no GPU: everything runs on the CPU"), ("zh", "没有显卡")])
def test_the_doctor_says_in_words_that_there_is_no_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    monkeypatch.setattr(words, "_language", language)
    assert told in tables.doctor(tuple(care.examine(Home(tmp_path, tmp_path), NO_CARD, NOTHING, "")))


def test_the_doctor_says_why_an_engine_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "en")
    said = tables.doctor(tuple(care.examine(Home(tmp_path, tmp_path), NO_CARD, load([builtin()]), "")))
    line = next(line for line in said.splitlines() if "engine lmdeploy" in line)
    assert "it is built for" in line and line.count("LMDeploy") == 1


def test_the_doctor_asks_of_each_engine_the_card_that_suits_it_best(tmp_path: Path) -> None:
    catalog = load([builtin()])
    boards = [catalog.boards[name] for name in ("gtx-1060-6g", "rtx-4090")]
    new = Gpu(
        index=1, name="new", uuid="1", total_bytes=1, free_bytes=1, compute_capability=boards[1].compute_capability
    )
    old = replace(new, index=0, name="old", uuid="0", compute_capability=boards[0].compute_capability)
    machine = Machine(
        gpus=(old, new),
        cpu=Cpu(name="a CPU", cores=2, arch="x86_64", flags=("avx2",)),
        ram_bytes=1,
        ram_free_bytes=1,
        disks=(Disk(path="/", free_bytes=10**12, total_bytes=10**12, kind="local"),),
        driver="580.65.06",
        cuda=(13, 0),
        pythons={"3.12": "/python"},
        tools=("cc", "python-headers"),
    )
    home = Home.from_environment({"YCDY_HOME": str(tmp_path)})
    both, alone = (
        {check.params["engine"]: check.ok for check in care.examine(home, here, catalog, "") if check.code == "engine"}
        for here in (machine, replace(machine, gpus=(old,)))
    )
    assert (both["trl"], both["vllm"]) == (True, True)
    assert (alone["trl"], alone["vllm"]) == (False, False)
