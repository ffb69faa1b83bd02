from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wizard.catalog import builtin, load
from wizard.words import known

FOLDER = builtin()
FILES = sorted([*FOLDER.rglob("*.toml"), *(FOLDER.parent / "hardware_profiles").glob("*.toml")])


def named(name: str) -> Path:
    return FOLDER / name


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_built_in_file_loads(file: Path) -> None:
    assert [problem for problem in load([FOLDER]).problems if problem.params["file"] == str(file)] == []


def test_every_recipe_speaks_both_languages_and_gives_way_by_its_ladder() -> None:
    for recipe in load([FOLDER]).recipes.values():
        assert recipe.title.keys() == recipe.why.keys() == {"en", "zh"}
        assert recipe.ladder


def test_the_bundled_rows_are_filled_in_by_their_parameters_alone() -> None:
    dataset = load([FOLDER]).datasets["self-cognition"]
    for language in dataset.languages:
        filled = {name: texts[language] for name, texts in dataset.defaults.items()}
        rows = dataset.rows[language]
        assert len(rows) >= 40
        assert len({row["question"] for row in rows}) == len(rows)
        assert len(dataset.questions[language]) == 3
        assert all("{" not in row["answer"].format(**filled) for row in rows)


def test_a_broken_file_of_ones_own_disables_only_itself(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("title = 3\nmodles = []\n")
    (tmp_path / "sft-lora.toml").write_text("this is not TOML")
    catalog, plain = load([FOLDER, tmp_path]), load([FOLDER])
    assert catalog.recipes == plain.recipes
    assert {problem.params["file"] for problem in catalog.problems} == {
        str(tmp_path / "mine.toml"),
        str(tmp_path / "sft-lora.toml"),
    }


def test_the_same_relative_path_overrides_and_is_yours(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    text = (
        named("models/mistral.toml")
        .read_text()
        .replace("Mistral-7B-Instruct-v0.3", "Mine")
        .replace("32768\nt", "99\nt")
    )
    (tmp_path / "models" / "mistral.toml").write_text(text)
    model = load([FOLDER, tmp_path]).models["mistral-7b"]
    assert (model.title, model.yours) == ("Mine", True)


def test_one_id_in_two_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    shutil.copy(named("models/zephyr.toml"), tmp_path / "models" / "other.toml")
    catalog = load([FOLDER, tmp_path])
    assert [problem.code for problem in catalog.problems] == ["catalog-twice"]
    assert not catalog.models["zephyr-7b-beta"].yours


def test_a_recipe_that_names_what_is_not_there_is_disabled_with_the_nearest_name(tmp_path: Path) -> None:
    text = named("sft-lora.toml").read_text().replace('method = "lora"', 'method = "lorra"')
    (tmp_path / "mine.toml").write_text(text.replace("micro_batch = 1", "micro_bach = 1"))
    catalog = load([FOLDER, tmp_path])
    assert "mine" not in catalog.recipes
    assert [(p.code, p.params["nearest"]) for p in catalog.problems] == [
        ("catalog-unknown-name", "lora"),
        ("catalog-unknown-name", "micro_batch"),
    ]


def test_a_misspelt_loss_disables_its_recipe_with_the_nearest_one(tmp_path: Path) -> None:
    text = named("ipo-lora.toml").read_text()
    assert 'loss_type = "ipo"' in text
    (tmp_path / "mine.toml").write_text(text.replace('loss_type = "ipo"', 'loss_type = ["sigmoid", "hing"]'))
    catalog = load([FOLDER, tmp_path])
    assert "mine" not in catalog.recipes
    assert [(p.code, p.params["key"], p.params["found"], p.params["nearest"]) for p in catalog.problems] == [
        ("catalog-setting-misspelt", "loss_type", "hing", "hinge")
    ]


def test_problems_have_words(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "b.toml").write_text("x = ")
    for problem in load([FOLDER, tmp_path]).problems:
        assert all(known(f"problem.{problem.code}.{part}") for part in ("what", "why", "next"))
