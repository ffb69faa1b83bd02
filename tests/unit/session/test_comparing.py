"""`compare`, from the typed line to table, picture and page."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.plain.conftest import Typed, command
from tests.unit.session.evaluated import RESULTS, ROWS, evaluated, made
from wizard.journal import Home

__all__ = ["command"]


SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def house(tmp_path: Path) -> Home:
    """As `command` has it."""
    return Home(tmp_path / "home", tmp_path / "home")


def test_a_run_is_told_in_one_table_with_what_was_lost(command: Typed, house: Home) -> None:
    evaluated(house, "one")
    code, out, _ = command("compare", "one")
    assert code == 0
    perplexity = next(line for line in out.splitlines() if "perplexity" in line)
    assert perplexity.split() == ["your", "rows:", "perplexity", "30", "3", "(+)"]
    assert "bleu" not in out and next(line for line in out.splitlines() if "BLEU" in line).endswith("40 (~)")
    assert "! one: general ability fell beyond chance: ARC, easy, right 0.55 -> 0.4" in out


def test_runs_stand_side_by_side_and_gaps_are_gaps(command: Typed, house: Home) -> None:
    evaluated(house, "one")
    evaluated(house, "two", (made("base", "exact_match", 0.1), made("quantised", "exact_match", 0.5)))
    code, out, _ = command("compare", "one", "two", "--json")
    told = json.loads(out)["results"]
    assert code == 0
    assert {(each["run"], each["subject"]) for each in told if each["measure"] == "exact_match"} == {
        ("one", "base"), ("one", "tuned"), ("two", "base"), ("two", "quantised")
    }  # fmt: skip
    lines = command("compare", "one", "two")[1].splitlines()
    assert next(line for line in lines if "perplexity" in line).split()[-2:] == ["-", "-"]


CHECKPOINTS = tuple(
    made(subject, "perplexity", value, direction="down", gain=value - 30 if value < 30 else None, gain_stderr=1.0)
    for subject, value in (("base", 30.0), ("checkpoint-2", 9.0), ("checkpoint-10", 3.0), ("tuned", 7.0))
)


@pytest.mark.parametrize(
    ("language", "heads"),
    [("en", "measure base checkpoint 2 checkpoint 10 trained"), ("zh", "指标 原模型 检查点 2 检查点 10 训练后")],
)
def test_checkpoints_have_columns_in_the_order_of_their_steps(
    command: Typed, house: Home, language: str, heads: str
) -> None:
    evaluated(house, "one", CHECKPOINTS)
    lines = command("compare", "one", lang=language)[1].splitlines()
    assert lines[0].split() == heads.split()
    assert lines[1].split()[-7:] == ["30", "9", "(+)", "3", "(+)", "7", "(+)"]


def test_what_a_checkpoint_lost_is_said_of_that_checkpoint(command: Typed, house: Home) -> None:
    evaluated(house, "one", (*RESULTS, made("checkpoint-2", "acc", 0.30, source="arc-easy")))
    out = command("compare", "one")[1]
    assert "! one: general ability fell" in out and "! one: checkpoint 2: general ability fell" in out


def test_many_columns_have_a_legend_of_several_rows_in_which_no_title_runs_into_the_next(
    command: Typed, house: Home, tmp_path: Path
) -> None:
    names = ["2026-11-26-smollm2-135m-sft-lora-1", "2026-11-26-smollm2-135m-sft-lora-2"]
    for name in names:
        evaluated(house, name, CHECKPOINTS)
    file = tmp_path / "it.svg"
    assert command("compare", *names, "--picture", str(file))[0] == 0
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    signs = [each for each in root.iter(f"{SVG}text") if str(each.text).startswith(tuple(names))]
    places = sorted((float(each.attrib["y"]), float(each.attrib["x"]), len(str(each.text))) for each in signs)
    assert len(places) == 8 and len({y for y, _, _ in places}) > 1
    for (y, x, long), (below, right, _) in pairwise(places):
        assert below > y or right >= x + 7 * long
    assert max(y for y, _, _ in places) < min(
        float(each.attrib["y"]) for each in root.iter(f"{SVG}rect") if each.get("height") == "13"
    )


def test_json_has_the_results_as_the_report_has_them(command: Typed, house: Home) -> None:
    evaluated(house, "one")
    told = json.loads(command("compare", "--json")[1])
    assert len(told["results"]) == len(RESULTS)
    assert told["lost"] == [
        {"run": "one", "subject": "tuned", "source": "arc-easy", "measure": "acc", "before": 0.55, "after": 0.4}
    ]


def test_rows_that_were_learnt_are_said_to_flatter(command: Typed, house: Home) -> None:
    evaluated(house, "one", (made("tuned", "exact_match", 1.0, settings={"rows": "seen in training"}),))
    assert "seen there and flatter it" in command("compare", "one")[1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_is_whole_xml_with_a_bar_for_each_number(
    command: Typed, house: Home, tmp_path: Path, language: str
) -> None:
    evaluated(house, "one")
    file = tmp_path / "it.svg"
    assert command("compare", "one", "--picture", str(file), lang=language)[0] == 0
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "13"]
    assert len(bars) == len(RESULTS)
    widths = {each.get("width") for each in bars}
    assert "0.0" in widths


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["compare", "none"], "run-unknown"),
        (["compare", "bare"], "not-evaluated"),
        (["compare", "new"], "evaluation-unreadable"),
        (["compare", "same", "--blind", "x.html"], "nothing-to-judge"),
        (["compare", "same", "--picture", "/no/such/folder/x.svg"], "cannot-write-file"),
        (["compare", "same", "--judge", "nobody"], "judge-where"),
    ],
)
def test_what_cannot_be_compared_is_a_problem(command: Typed, house: Home, arguments: list[str], code: str) -> None:
    evaluated(house, "same", rows=ROWS[2:])
    evaluated(house, "new", version=2)
    shutil.rmtree(evaluated(house, "bare"))
    told = json.loads(command(*arguments, "--json")[1])
    assert told["problem"]["code"] == code


def test_without_any_evaluation_the_way_to_one_is_told(command: Typed) -> None:
    code, out, _ = command("compare", "--json")
    assert (code, json.loads(out)["problem"]["code"]) == (2, "none-evaluated")


# the page


@pytest.fixture
def page(command: Typed, house: Home, tmp_path: Path) -> str:
    evaluated(house, "one")
    file = tmp_path / "blind.html"
    assert command("compare", "one", "--blind", str(file))[0] == 0
    return file.read_text(encoding="utf-8")


def test_what_is_html_in_an_answer_ends_no_script_and_nothing_is_fetched(page: str) -> None:
    assert page.count("</script>") == 1 and "<b>3" not in page
    assert "http://" not in page and "https://" not in page and "src=" not in page.replace("script-src", "")


DOCUMENT = Path(__file__).with_name("document.js").read_text(encoding="utf-8")


def test_votes_are_counted_for_the_hidden_side_kept_and_saved(page: str, tmp_path: Path) -> None:
    if not (node := shutil.which("node")):
        pytest.skip("needs node")
    script = page.partition("<script>")[2].partition("</script>")[0]
    asks = """
const before = get_("result").hidden;
const first = data.pairs[0].who.indexOf("tuned");
votes.find(each => each.dataset.vote === String(first)).click();
votes.find(each => each.dataset.vote === "tie").click();
const told = get_("left").textContent;
get_("reveal").click(); get_("save").click(); get_("language").click();
console.log(JSON.stringify({ before, told, hidden: get_("result").hidden, shown: get_("result").all(),
  saved: JSON.parse(saved[0]), shelf: Object.values(shelf), lang: document.documentElement.lang, pairs: data.pairs }));
"""
    file = tmp_path / "page.js"
    file.write_text(DOCUMENT + script + asks, encoding="utf-8")
    told = json.loads(subprocess.run([node, str(file)], check=True, capture_output=True, text=True).stdout)
    assert (told["before"], told["hidden"], told["lang"]) == (True, False, "zh-CN")
    assert told["saved"]["tally"] == {"base": 0, "tuned": 1, "tie": 1}
    assert [each["vote"] for each in told["saved"]["votes"]] == ["tuned", "tie"]
    assert len(told["pairs"]) == 2  # where both said the same there is nothing to judge
    assert told["told"] in (told["pairs"][1]["sides"])
    assert json.loads(told["shelf"][0])["revealed"] is True


def test_sides_are_shuffled_the_same_way_each_time_and_not_all_one_way() -> None:
    from wizard.session.blind import pairs

    rows = [{"asked": str(n), "reference": "", "answers": {"base": "b", "tuned": "t"}} for n in range(40)]
    once, again, other = pairs(rows, "a run"), pairs(rows, "a run"), pairs(rows, "another")
    assert once == again != other
    assert 8 < sum(each["who"][0] == "tuned" for each in once) < 32
