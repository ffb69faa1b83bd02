"""Each of these gets what, why and next, the right exit code, and never a traceback."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Run, answer

Done = subprocess.CompletedProcess[str]


def assert_problem(done: Done, code: int, *words: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    text = done.stdout + done.stderr
    assert "Traceback" not in text
    for part in ("what ", "why ", "next "):
        assert part in done.stderr
    for word in words:
        assert word in text


def problem(done: Done) -> dict[str, Any]:
    assert "Traceback" not in done.stdout + done.stderr
    found: dict[str, Any] = answer(done)["problem"]
    assert all(found[part] for part in ("code", "what", "why", "next"))
    return found


def test_the_wizard_without_a_terminal_points_to_the_verbs(ycdy: Run) -> None:
    assert_problem(ycdy(), 2, "demo")


def test_an_unknown_verb_names_the_nearest(ycdy: Run) -> None:
    assert_problem(ycdy("dmeo"), 2, "`demo`")


def test_a_misspelt_flag_names_the_nearest(ycdy: Run) -> None:
    assert_problem(ycdy("estimate", "--seqlen", "512"), 2, "`--seq-len`")
    assert problem(ycdy("probe", "--pretned", "t4", "--json"))["code"] == "usage-unknown-flag"


def test_a_task_that_is_none_names_the_nearest_and_no_asterisk(ycdy: Run) -> None:
    assert_problem(ycdy("offers", "--task", "stf"), 2, "`sft`")
    done = ycdy("offers", "--task", "identity", "--model", "qwen3-0.6b", "--pretend", "t4")
    assert (done.returncode, "*" in done.stdout) == (0, False)


def test_an_empty_name_is_not_taken_for_the_default(ycdy: Run) -> None:
    assert_problem(ycdy("demo", "--name", "", "--pretend", "t4"), 2, "--name")


def test_an_unknown_board_names_the_nearest(ycdy: Run) -> None:
    assert_problem(ycdy("offers", "--pretend", "rtx-409"), 2, "rtx-4090")


def test_an_unknown_run_names_the_known(ycdy: Run) -> None:
    assert_problem(ycdy("attach", "no-such-run"), 2, "no-such-run")


@pytest.mark.parametrize("board", ["rtx-3090", "rtx-4090", "a100-80g", "h100-sxm", "t4", "cpu", "a100-80gx8"])
def test_every_board_can_be_pretended(ycdy: Run, board: str) -> None:
    offers = answer(ycdy("offers", "--pretend", board, "--json"))
    assert len(offers["machine"]["gpus"]) == {"cpu": 0, "a100-80gx8": 8}.get(board, 1)
    assert any(verdict["status"] == "fits" for verdict in offers["verdicts"])


def test_what_does_not_fit_carries_its_arithmetic_and_a_way_out(ycdy: Run) -> None:
    verdicts = answer(ycdy("offers", "--pretend", "t4", "--json"))["verdicts"]
    refused = [verdict for verdict in verdicts if verdict["status"] == "no"]
    assert refused
    for verdict in refused:
        assert verdict["reason"]
    short = [v for v in refused if v["card_bytes"] > v["capacity_bytes"]]
    assert all(v["remedies"] and sum(t["bytes"] for t in v["terms"]) > 0 for v in short)


def test_lines_of_cases_are_answered_one_by_one_good_or_bad(ycdy: Run) -> None:
    config = {"hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "intermediate_size": 1536}
    good = {"id": "good", "config": {**config, "model_type": "llama", "vocab_size": 49152}}
    lines = [json.dumps(good), "{", json.dumps({"id": "bad", "config": config}), json.dumps(good)]
    done = ycdy("estimate", "--cases", input="\n".join(lines))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, [line["id"] for line in found]) == (0, ["good", None, "bad", "good"])
    assert [line.get("problem", {}).get("code") for line in found] == [
        None,
        "case-not-json",
        "config-lacks-numbers",
        None,
    ]
    assert "vocab_size" in found[2]["problem"]["why"]
    assert sum(term["bytes"] for term in found[0]["terms"]) == found[0]["card_bytes"]


def test_pretending_shows_the_plan_and_runs_nothing(ycdy: Run, home: Path) -> None:
    runs = home / "ycdy" / "runs"
    before = sorted(runs.glob("*"))
    done = ycdy("demo", "--pretend", "rtx-4090")
    assert done.returncode == 0, done.stderr
    assert "wizard.stages.train" in done.stdout
    assert sorted(runs.glob("*")) == before


def test_a_broken_recipe_of_the_user_disables_only_itself(ycdy: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('id = "mine"\nlerning_rate = 1\n', encoding="utf-8")
    assert answer(ycdy("offers", "--catalog", str(tmp_path), "--json"))["verdicts"]
    said = answer(ycdy("doctor", "--catalog", str(tmp_path), "--json"))
    told = [check["problem"] for check in said if check["problem"]]
    assert any("mine.toml" in json.dumps(problem) for problem in told)


def exported(ycdy: Run, demo: dict[str, Any]) -> str:
    return ycdy("export", demo["run"]).stdout


def test_an_unknown_key_in_a_config_names_file_line_and_nearest_spelling(
    ycdy: Run, demo: dict[str, Any], tmp_path: Path
) -> None:
    config = tmp_path / "typo.toml"
    config.write_text(exported(ycdy, demo).replace("micro_batch = ", "micro_bach = "), encoding="utf-8")
    found = problem(ycdy("run", str(config), "--check", "--json"))
    text = json.dumps(found)
    assert "typo.toml" in text
    assert "micro_bach" in text
    assert "micro_batch" in text


def test_a_config_that_is_not_there_or_not_toml(ycdy: Run, tmp_path: Path) -> None:
    assert_problem(ycdy("run", str(tmp_path / "none.toml")), 2)
    broken = tmp_path / "broken.toml"
    broken.write_text("[[[", encoding="utf-8")
    assert_problem(ycdy("run", str(broken)), 2, "broken.toml")


def test_an_unreachable_index_is_told_and_the_same_command_goes_on(fresh: Callable[..., Done], tmp_path: Path) -> None:
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_FIND_LINKS": "", "UV_INDEX": ""}
    nowhere |= {"UV_CACHE_DIR": str(tmp_path / "cache"), "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null"}
    assert_problem(fresh("probe", env=nowhere), 1)
    assert answer(fresh("probe", "--json"))["cpu"]["cores"] > 0
    found = problem(fresh("demo", "--json", env=nowhere))
    assert "127.0.0.1:9" in json.dumps(found) or "index" in found["what"]


def test_a_chat_with_nothing_served_says_how_to_serve(fresh: Callable[..., Done]) -> None:
    assert_problem(fresh("chat"), 2, "demo")


def test_uninstall_removes_all_it_made_and_nothing_else(fresh: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    assert fresh("probe").returncode == 0
    assert str(tmp_path / "ycdy") in fresh("uninstall", "--dry-run").stdout
    assert (tmp_path / "ycdy").exists()
    assert_problem(fresh("uninstall"), 2, "--yes")
    told = answer(fresh("uninstall", "--yes", "--json"))
    assert (told["removed"], told["paths"][-1], told["kept"]) == (True, str(tmp_path / "ycdy"), [])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_uninstall_leaves_own_files_in_the_home_and_in_the_place_of_a_store(
    fresh: Callable[..., Done], tmp_path: Path
) -> None:
    own = [
        tmp_path / name for name in ("ycdy/thesis.txt", "ycdy/models/mine/w", "disk/models/mine/w", "disk/runs/tb.log")
    ]
    for path in own:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    assert fresh("uninstall", "--yes", env={"YCDY_STORE": str(tmp_path / "disk")}).returncode == 0
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(own)


def test_a_language_that_there_is_not_is_told(ycdy: Run) -> None:
    assert problem(ycdy("probe", "--json", env={"YCDY_LANG": "xx"}))["code"] == "unknown-language"
    assert_problem(ycdy("--lang", "xx", "probe"), 2, "en, zh")


def test_the_script_s_own_flags_stand_in_the_help_it_points_to(ycdy: Run) -> None:
    said = ycdy("--help").stdout
    assert all(flag in said for flag in ("--home", "--mirror", "--lang", "--source"))
