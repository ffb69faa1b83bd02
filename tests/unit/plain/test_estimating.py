"""`estimate` as it is typed and piped: what is on stdout, what is on stderr, and with which exit code it ends."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wizard import cli, words
from wizard.fit import answer
from wizard.plain import ESTIMATE_FLAGS

ROOT = Path(__file__).parents[3]
CONFIG = {
    "model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936,
    "tie_word_embeddings": True, "max_position_embeddings": 40960,
}  # fmt: skip
FLAGS = {
    "task": "cpt", "method": "lora", "weights_dtype": "bf16", "mixed_precision": "no", "optimizer": "adamw_8bit",
    "lora_r": "8", "lora_targets": "q_proj,v_proj", "micro_batch": "2", "seq_len": "512", "grad_ckpt": "false",
    "attention": "eager", "fused_loss": "false", "zero_stage": "2", "n_gpus": "4", "cpu_offload": "true",
}  # fmt: skip
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Typed]:
    """(exit code, stdout, stderr) of `estimate` in a home of its own."""
    monkeypatch.setenv("YCDY_HOME", str(tmp_path / "home"))
    before = words.language()

    def run(*arguments: str, stdin: str = "", lang: str = "en") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = cli.main(["estimate", "--lang", lang, "--pretend", "rtx-4090", *arguments])
        return code, *capsys.readouterr()

    yield run
    words.use(before)


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_the_memory_is_shown_term_by_term_with_its_arithmetic(typed: Typed, lang: str) -> None:
    code, shown, talk = typed("--model", "qwen3-0.6b", "--method", "full", lang=lang)
    assert (code, talk) == (0, "")
    assert "596,049,920" in shown
    for label in ("weights", "optimizer", "gradients", "fragmentation", "context"):
        assert words.say_in(lang, f"term.{label}") in shown
    board = words.say_in(lang, "estimate.board", board="rtx-4090")
    assert words.say_in(lang, "estimate.here_fits", machine=board, free="23.6 GiB") in shown
    assert words.say_in(lang, "estimate.machine") not in shown.splitlines()[-1]
    assert [word for word in ("full", "bf16", "adamw", "1024") if word not in shown.splitlines()[1]] == []
    assert not re.search(r"\b(term|estimate|moment|basis)\.\w|\{\w+", shown)


def test_json_is_one_object_with_the_numbers_of_the_same_case(typed: Typed) -> None:
    code, shown, talk = typed("--json", "--model", "qwen3-0.6b", "--seq-len", "2048")
    found = json.loads(shown)
    same = answer({"config": CONFIG, "seq_len": 2048}, {})
    assert (code, talk, found["status"]) == (0, "", "fits")
    assert isinstance(same, dict)
    assert {key: found[key] for key in same} == same


def test_every_flag_means_what_the_key_of_the_same_name_does(typed: Typed) -> None:
    assert FLAGS.keys() == set(ESTIMATE_FLAGS)
    flags = [part for name, value in FLAGS.items() for part in (f"--{name.replace('_', '-')}", value)]
    found = json.loads(typed("--json", "--model", "qwen3-0.6b", *flags)[1])
    case: dict[str, Any] = {**FLAGS, "grad_ckpt": False, "fused_loss": False, "cpu_offload": True}
    case |= {name: int(FLAGS[name]) for name in ("lora_r", "micro_batch", "seq_len", "zero_stage", "n_gpus")}
    same = answer({"config": CONFIG, **case}, {})
    assert isinstance(same, dict)
    assert found["terms"] == same["terms"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--model"),
        (("--model", "qwen3-06b"), "qwen3-0.6b"),
        (("--model", "qwen3-0.6b", "--lora-r", "0"), "lora_r"),
        (("--model", "qwen3-0.6b", "--method", "lorra"), "lora"),
        (("--model", "qwen3-0.6b", "--seq-len", "50000"), "40960"),
        (("--model", "qwen3-0.6b", "--zero-stage", "3"), "n_gpus"),
        (("--model", "qwen3-0.6b", "--seq-len", "9" * 5000), "seq_len"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_told_on_stderr(typed: Typed, arguments: tuple[str, ...], named: str) -> None:
    code, shown, talk = typed(*arguments)
    assert (code, shown) == (2, "")
    assert [part for part in ("what ", "why ", "next ") if part not in talk] == []
    assert named in talk


def test_each_line_of_stdin_is_answered_by_a_line(typed: Typed) -> None:
    good = {"id": "好", "config": CONFIG, "note": "mine"}
    lines = [
        json.dumps(good, ensure_ascii=False),
        "{",
        "",
        json.dumps({**good, "id": 2, "lora_r": 0}),
        json.dumps(good),
    ]
    code, shown, talk = typed("--cases", stdin="\n".join(lines) + "\n")
    found = [json.loads(line) for line in shown.splitlines()]
    assert (code, talk) == (0, "")
    assert [each["id"] for each in found] == ["好", None, 2, "好"]
    assert [each.get("problem", {}).get("code") for each in found] == [None, "case-not-json", "case-out-of-range", None]
    assert found[0] == found[3]
    assert {"peak_bytes", "reserved_bytes", "card_bytes", "safe_bytes", "terms"} <= found[0].keys()
    assert {"label", "bytes", "formula"} == found[0]["terms"][0].keys()


@pytest.mark.parametrize("flags", [("--model", "qwen3-8b"), ("--seq-len", "64"), ("--simulate",)], ids=" ".join)
def test_flags_beside_cases_are_told_and_not_dropped(typed: Typed, flags: tuple[str, ...]) -> None:
    code, shown, talk = typed("--cases", *flags, stdin=json.dumps({"config": CONFIG}) + "\n")
    assert (code, shown) == (2, "")
    assert flags[0] in talk


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_what_a_model_is_read_as_and_how_many_cards_lack_is_said(typed: Typed, tmp_path: Path, lang: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "model_type": "of-tomorrow"}), encoding="utf-8")
    shown = typed("--model", str(tmp_path), "--zero-stage", "3", "--n-gpus", "8", lang=lang)[1]
    assert words.say_in(lang, "estimate.read_as", kind="llama") in shown
    board = words.say_in(lang, "estimate.board", board="rtx-4090")
    assert words.say_in(lang, "estimate.here_lacks", machine=board, lacking=7) in shown.splitlines()


def test_a_problem_is_told_in_english_to_programs(typed: Typed) -> None:
    code, shown, _ = typed("--cases", stdin='{"id": 1}\n', lang="zh")
    problem = json.loads(shown)["problem"]
    assert (code, problem["code"]) == (0, "case-lacks-config")
    assert all(problem[part].isascii() for part in ("what", "why", "next"))


def test_bytes_that_are_no_text_and_signs_that_are_none_stop_nothing(tmp_path: Path) -> None:
    good = json.dumps({"id": "good", "config": CONFIG}).encode()
    lines = [b"\xef\xbb\xbf" + good, b'{"id": "\xff"', b'{"id": "\\ud800"}', good]
    done = subprocess.run(
        [sys.executable, "-m", "wizard", "estimate", "--cases", "--pretend", "cpu"],
        input=b"\n".join(lines),
        capture_output=True,
        env={**os.environ, "YCDY_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, b"")
    assert [each.get("problem", {}).get("code") for each in found] == [None, "case-not-json", "case-lacks-config", None]
