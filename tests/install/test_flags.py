from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_what_the_script_does_not_know_goes_to_the_command_untouched(made, plain, start) -> None:
    script, home = made
    environment = {**plain, "YCDY_HOME": str(home)}
    given = ["chat", "a  b", "", "--name", "你好", "--json", "--", "--home", "x"]
    assert start(script, *given, environment=environment).report["argv"] == given


@pytest.mark.parametrize("form", [["--lang", "zh", "--home", "{}"], ["--lang=zh", "--home={}"]])
def test_flags_become_their_twins(made, plain, start, form: list[str]) -> None:
    script, home = made
    done = start(script, "probe", *(part.format(home) for part in form), environment=plain).report
    assert done["argv"] == ["probe"]
    assert (done["environment"]["YCDY_LANG"], done["environment"]["YCDY_HOME"]) == ("zh", str(home))


def test_the_wizard_is_told_where_uv_and_its_cache_are(made, plain, start) -> None:
    script, home = made
    seen = start(script, environment={**plain, "YCDY_HOME": str(home)}).report["environment"]
    assert Path(seen["YCDY_UV"]).exists()
    assert seen["UV_CACHE_DIR"] == f"{home}/cache/uv"
    assert seen["UV_PYTHON_DOWNLOADS"] == "never"


def test_a_relative_home_is_made_absolute(made, plain, start) -> None:
    script, home = made
    done = start(script, "--home", home.name + "/", environment=plain, cwd=home.parent)
    assert done.report["environment"]["YCDY_HOME"] == str(home)


@pytest.mark.parametrize("arguments", [["--mirror", "mars"], ["--home"], ["demo", "--mirror"]])
def test_wrong_usage_is_one_problem_and_code_2(made, plain, start, arguments: list[str], tmp_path: Path) -> None:
    done = start(made[0], *arguments, environment={**plain, "YCDY_HOME": str(tmp_path / "home")})
    assert done.code == 2
    assert "why " in done.talk
    assert "next " in done.talk
    assert not (tmp_path / "home").exists()


def test_with_json_a_failure_is_an_object_on_stdout(made, plain, start) -> None:
    done = start(made[0], "probe", "--json", "--mirror", 'a"b\\c', environment=plain)
    problem = json.loads(done.out)["problem"]
    assert sorted(problem) == ["code", "next", "params", "what", "why"]
    assert 'a"b\\c' in problem["what"]


@pytest.mark.parametrize(("value", "data"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_twin_of_json_is_heeded_before_there_is_a_wizard(made, plain, start, value: str, data: bool) -> None:
    done = start(made[0], "probe", environment={**plain, "YCDY_JSON": value, "YCDY_MIRROR": "mars"})
    assert (done.code, done.out.startswith('{"problem"')) == (2, data)


def test_failures_are_told_in_chinese_to_a_chinese_locale(made, plain, start) -> None:
    assert "原因" in start(made[0], "--mirror", "mars", environment={**plain, "LC_ALL": "zh_CN.UTF-8"}).talk
    assert "原因" in start(made[0], "--lang", "zh", "--mirror", "mars", environment=plain).talk


def test_the_wizard_knows_how_it_can_be_started_again(made, plain, start, tmp_path: Path) -> None:
    """What it prints can be typed: nothing of it is on PATH, unless a person put it there."""
    script, home = made
    environment = {**plain, "YCDY_HOME": str(home)}
    typed = start(Path(script.name), environment=environment, cwd=script.parent)
    assert typed.report["environment"]["YCDY_COMMAND"] == f"bash {script.name}"
    spaced = tmp_path / "a b"
    spaced.symlink_to(script.parent)
    launched = start(spaced / script.name, environment=environment).report["environment"]["YCDY_COMMAND"]
    assert launched == f"bash {tmp_path}/a\\ b/{script.name}"
    on_path = environment | {"PATH": f"{home}/bin:{environment['PATH']}"}
    assert start(script, environment=on_path).report["environment"]["YCDY_COMMAND"] == "yichuidingyin"
