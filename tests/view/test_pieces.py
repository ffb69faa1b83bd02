import inspect
import json
import math
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from fake_desk import FakeDesk
from fake_moments import FAILED, TRAINING
from fake_values import FILE_REPORT, IDENTITY, LAPTOP, RUN
from rich.cells import cell_len
from textual.content import Content

from wizard import words
from wizard.contract import DataReport, Knobs, Line, Rejected, Role, Term
from wizard.session import Desk, Endpoint
from wizard.session.using.snippets import snippet
from wizard.view import findings, telling, turning
from wizard.view.columns import turned as turning_columns
from wizard.view.draft import Told
from wizard.view.folding import folded
from wizard.view.grid import flow, grid
from wizard.view.pasting import continued
from wizard.view.reading import Look
from wizard.view.widgets.chart import columns, draw, finite
from wizard.view.widgets.field import complete
from wizard.view.widgets.instruments import readings
from wizard.view.widgets.log import printable
from wizard.view.widgets.memory import drawn, shares
from wizard.words import units


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0 GiB"),
        (1, "<0.01 GiB"),
        (2**28, "0.25 GiB"),
        (2**30, "1.0 GiB"),
        (98 * 2**28, "24.5 GiB"),
        (141 * 2**30, "141 GiB"),
    ],
)
def test_memory_is_told_in_gib(amount: int, shown: str) -> None:
    assert units.gib(amount) == shown


def test_disk_is_told_in_gb() -> None:
    assert units.gb(412e9) == "412 GB"
    assert (units.speed(35_040_000), units.speed(0)) == ("35.0 MB/s", "")
    assert units.gb(92e6, unit=False) == "0.09"


@pytest.mark.parametrize(
    ("amount", "english", "chinese"),
    [
        (0.4, "0 s", "0 秒"),
        (89, "89 s", "89 秒"),
        (91, "2 min", "2 分钟"),
        (3599, "1 h", "1 小时"),
        (4800, "1 h 20 min", "1 小时 20 分"),
        (86_400, "1 d", "1 天"),
        (90_000, "1 d 1 h", "1 天 1 小时"),
        (-5, "0 s", "0 秒"),
    ],
)
def test_durations_have_one_or_two_units(amount: float, english: str, chinese: str) -> None:
    assert units.seconds(amount) == english
    words.use("zh")
    assert units.seconds(amount) == chinese


HERE = Endpoint(
    url="http://127.0.0.1:8000/v1",
    model="小锤",
    engine="vllm",
    key="k",
    header_file=Path("/home/a person/.local/share/yichuidingyin/secrets/run.header"),
)
CURL = snippet(HERE, "curl", 'Who "are" you, it\'s me: 你是谁？')


@pytest.mark.parametrize("width", [30, 56, 76, 400])
def test_a_curl_line_broken_for_the_screen_means_the_same_to_a_shell(width: int) -> None:
    script = 'curl() { printf "%s\\0" "$@"; }\n'
    shown = continued(CURL, width)
    assert (shown != CURL) == (width < 400)
    said = subprocess.run(["bash", "-c", script + shown], capture_output=True, text=True, check=True)
    heard = said.stdout.split("\0")[:-1]
    meant = shlex.split(CURL)[1:]
    assert heard[:-1] == meant[:-1]
    assert json.loads(heard[-1]) == json.loads(meant[-1])


def test_a_path_longer_than_a_line_is_cut_behind_a_slash_and_joined_again_by_a_shell() -> None:
    path = f"/home/you/{'a' * 30}/{'b' * 40}"
    shown = continued(f"printf %s {path}", 50)
    assert shown.splitlines()[1] == f"  /home/you/{'a' * 30}/\\"
    assert subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=True).stdout == path


@pytest.mark.parametrize("width", [12, 20, 40])
@pytest.mark.parametrize(
    "text", ["用 QLoRA 调 Seed-OSS-36B-Instruct，很快。", "plain words, and /a/very/long/path/of/them"]
)
def test_folded_lines_fit_keep_every_sign_and_never_begin_with_a_comma(text: str, width: int) -> None:
    lines = folded(Content(text), width).plain.split("\n")
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line.startswith(("，", "。", ",")) for line in lines)


def test_chinese_fills_its_lines_beside_latin_words() -> None:
    assert folded(Content("之前 我是一个人工智能助手"), 12).plain.split("\n")[0] == "之前 我是一"


def test_a_flow_breaks_between_items_only() -> None:
    lines = flow([Content(text) for text in ("aaaa", "bb bb", "通义")], 10).plain.split("\n")
    assert lines == ["aaaa", "bb bb", "通义"]


def test_a_grid_aligns_chinese_by_cells() -> None:
    first, second = grid([["通义", "1"], ["a", "22"]], right=(1,)).plain.split("\n")
    assert (first, second) == ("通义   1", "a     22")


def test_shares_of_a_bar_add_up() -> None:
    assert sum(shares([1, 1, 1], 3, 10)) == 10
    assert shares([5, 5], 20, 10) == [2, 3] or sum(shares([5, 5], 20, 10)) == 5


def test_a_chart_spans_its_box_and_bridges_gaps() -> None:
    lines = draw([(0, 3.0), (5, 2.0), (100, 1.0)], 20, 5)
    assert len(lines) == 5
    assert lines[0][0] != " " and lines[-1][-1] != " "
    assert all(any(line[x] != " " for line in lines) for x in range(20))


def test_a_flat_chart_and_one_of_equal_steps_draw() -> None:
    assert any(sign != " " for sign in "".join(draw([(1, 2.0), (2, 2.0)], 10, 3)))
    assert columns([(5, 1.0), (5, 3.0)], 4)


def test_values_that_are_not_finite_are_left_out() -> None:
    assert finite([(1, math.nan), (2, math.inf), (3, 1.0)]) == [(3, 1.0)]


def test_a_redrawn_progress_bar_leaves_its_last_state() -> None:
    assert printable(" 10%|#   |\r 50%|##  |\r\x1b[32m100%|####|\x1b[0m\n") == "100%|####|"


def test_a_path_completes_to_folders_and_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "训练.jsonl").touch()
    (tmp_path / ".hidden").touch()
    assert complete(f"{tmp_path}/da") == f"{tmp_path}/data/"
    assert complete(f"{tmp_path}/data/训") == f"{tmp_path}/data/训练.jsonl"
    assert complete(f"{tmp_path}/") == f"{tmp_path}/data/"
    assert complete("") is None
    assert complete("/nosuch/folder/x") is None


def test_knobs_step_through_useful_values_and_stop_at_the_ends() -> None:
    knobs = Knobs(seq_len=1500, rank=4, grad_ckpt=True)
    assert turning.turned(knobs, "seq_len", 1).seq_len == 2048
    assert turning.turned(knobs, "seq_len", -1).seq_len == 1024
    assert turning.turned(knobs, "rank", -1) == knobs
    assert turning.turned(knobs, "grad_ckpt", 1).grad_ckpt is False


@pytest.mark.parametrize("name", turning.STEPS)
def test_every_knob_has_a_title_and_a_reason(name: str) -> None:
    assert words.known(f"knob.{name}.title") and words.known(f"knob.{name}.why")


def test_what_is_left_is_the_pace_now_and_the_forecast_of_the_rest() -> None:
    plan = FakeDesk(machine=LAPTOP).plan_of(RUN)
    left = telling.remaining(plan, TRAINING)
    assert left == pytest.approx(1.52 * (60 - 41) + 14 + 25)


def test_a_stage_that_takes_longer_than_forecast_says_so() -> None:
    plan = FakeDesk(machine=LAPTOP).plan_of(RUN)
    slow = replace(TRAINING, latest={})
    assert not telling.late(plan, TRAINING) and telling.late(plan, replace(slow, updated=slow.updated + 9999))
    assert telling.remaining(plan, replace(slow, updated=slow.updated + 9999)) == pytest.approx(14 + 25)


@pytest.mark.parametrize(("took", "told"), [(0.837, "step 0.84 s"), (173.7, "step 174 s")])
def test_a_long_step_is_told_in_plain_digits(took: float, told: str) -> None:
    values = {"tokens_per_second": 5.0, "step_seconds": took}
    assert any(told in line for line in readings(replace(TRAINING, latest=values)))


def test_what_answers_are_rewarded_for_is_told_before_the_start() -> None:
    plan = FakeDesk(machine=LAPTOP).plan_of(RUN)
    spec = {"settings": {"rewards": ["exact", "of-tomorrow"], "reward_file": "/me/reward.py"}}
    stages = [replace(stage, spec=spec) if stage.name == "train" else stage for stage in plan.stages]
    told = telling.rewarded(replace(plan, stages=tuple(stages)))
    assert told.startswith("the right result (exact), of-tomorrow, /me/reward.py. ") and "[settings]" in told
    assert telling.rewarded(plan) == ""


def test_rejects_are_grouped_by_reason_the_most_frequent_first() -> None:
    rows = [Rejected(line=3, code="empty-answer"), *(Rejected(line=n, code="empty-question") for n in range(10, 18))]
    report = DataReport(
        kind="messages", format="alpaca", encoding="utf-8", mapping={}, exact=True, rows=20, usable=11,
        rejected=tuple(rows), samples=(), tasks=("sft",),
    )  # fmt: skip
    first, second = findings.rejects(report)
    assert "8 (an empty question), lines 10, 11, 12, 13, 14 ..." in first
    assert second.endswith("line 3")


def test_what_can_be_done_with_rows_here_is_told_before_what_has_no_recipe_yet() -> None:
    told = findings.suited(("dpo", "orpo", "sft", "of-tomorrow"), ("sft",))
    assert told == (
        "learning from questions and answers; no recipe yet: preferring the better answer (DPO); ORPO; of-tomorrow"
    )
    assert "no recipe" not in findings.suited(("dpo", "orpo", "simpo", "cpo"), ("dpo",))
    assert findings.suited(("sft",), ("sft",)) == "learning from questions and answers"


def test_a_role_that_is_read_from_nowhere_is_not_told() -> None:
    told = replace(FILE_REPORT, mapping={"user": "问题", "assistant": "答案", "system": ""})
    assert findings.mapping_text(told) == "user=问题, assistant=答案"


def test_sources_that_are_read_from_other_columns_are_not_called_text_without_any() -> None:
    assert findings.mapping_text(replace(FILE_REPORT, mapping={})) == "each source its own"
    assert findings.mapping_text(replace(FILE_REPORT, kind="text", mapping={})).startswith("no columns")


def test_a_run_on_one_line() -> None:
    assert telling.progress(FAILED).startswith("train  41/60  loss 0.6")
    assert telling.knob_value(IDENTITY.knobs.learning_rate) == "0.002"


FAKED = [name for name, member in vars(FakeDesk).items() if not name.startswith("_") and callable(member)]


@pytest.mark.parametrize("name", FAKED)
def test_the_fake_desk_takes_what_the_desk_takes(name: str) -> None:
    real, fake = (inspect.signature(getattr(owner, name)).parameters for owner in (Desk, FakeDesk))
    assert set(fake) <= set(real) | {"options", "changes", "overrides"}
    assert list(fake)[: len(real)] == list(real)[: len(fake)] or set(fake) == set(real)


def test_a_correction_downwards_makes_the_bar_no_longer_than_what_is_needed() -> None:
    terms = [Term(label=label, bytes=size, formula="") for label, size in (("weights", 80), ("loss", 30))]
    assert drawn(terms, 110) == [80, 30]
    assert drawn(terms, 100) == [70, 30]


def test_a_prompt_with_an_answer_named_is_read_as_question_and_answer() -> None:
    report = replace(FILE_REPORT, kind="prompt", format="prompt", mapping={"question": "ask"}, columns=("ask", "odd"))
    roles = (Role(name="question", required=True), Role(name="answer"))
    look = Look(report=report, columns=report.columns, roles=roles, formats=("prompt", "qa"), encodings=("gb18030",))
    told = turning_columns(look, Told(), 3, -1)
    assert told == Told(format="qa", mapping={"question": "ask", "answer": "odd"})


def test_lines_of_one_file_name_it_once() -> None:
    rows = [Rejected(line=Line(n, file), code="c") for n, file in ((4, "a"), (5, "a"), (1, "b"), (2, "b"))]
    assert list(findings.places_of(rows)) == ["a:4", "5", "b:1", "2"]


def test_sentences_begin_with_a_capital_and_names_are_left_as_they_are() -> None:
    assert telling.sentence("qwen3 is small", "", "take it") == "qwen3 is small. Take it"
