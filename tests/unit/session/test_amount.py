import json
from pathlib import Path

import pytest

from wizard.session import Desk
from wizard.session.amount import Amount, amount_of


def a_file(folder: Path, rows: int, words: int = 10, word: str = "word ") -> str:
    path = folder / f"{rows}-{words}.jsonl"
    line = json.dumps({"question": "Who?", "answer": word * words}, ensure_ascii=False)
    path.write_text("\n".join(line.replace("Who", f"Who {row}") for row in range(rows)), encoding="utf-8")
    return str(path)


def train_seconds(desk: Desk, path: str) -> float:
    plan = desk.plan(desk.choose(desk.best("sft"), desk.data_choice(path)))
    return next(stage.seconds for stage in plan.stages if stage.name == "train")


def test_a_plan_counts_the_rows_it_will_learn_from(desk: Desk, tmp_path: Path) -> None:
    few, more, most = (train_seconds(desk, a_file(tmp_path, rows)) for rows in (40, 400, 4000))
    assert most - few == pytest.approx((more - few) * (4000 - 40) / (400 - 40), rel=0.1)


def test_longer_rows_take_longer(desk: Desk, tmp_path: Path) -> None:
    assert train_seconds(desk, a_file(tmp_path, 400, 400)) > 2 * train_seconds(desk, a_file(tmp_path, 400, 10))


def test_a_relative_path_is_the_same_file(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(a_file(tmp_path, 40))
    monkeypatch.chdir(tmp_path)
    assert train_seconds(desk, path.name) == train_seconds(desk, str(path))
    assert desk.choose(desk.best("sft"), desk.data_choice(path.name)).questions


def test_chinese_characters_are_about_a_token_each(desk: Desk, tmp_path: Path) -> None:
    english = amount_of(desk.inspect(a_file(tmp_path, 5, 100, "abcd")))
    chinese = amount_of(desk.inspect(a_file(tmp_path, 5, 101, "一二三四")))
    assert chinese.row_tokens > 3 * english.row_tokens


def test_nothing_is_made_up_where_nothing_is_known() -> None:
    assert amount_of(None) == Amount(0, 0)
