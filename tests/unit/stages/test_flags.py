"""Every command line that a plan can make of an engine, against what the parser of the locked version takes."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import LOCKS, REPO, environment
from wizard.catalog import builtin, load
from wizard.contract import Engine, Room, Serving
from wizard.plan.serving import asked_of
from wizard.stages import commanding
from wizard.stages.guard import KEY_VARIABLE

CATALOG = load([builtin()])
FLAGS = Path(__file__).with_name("flags")
REAL = Path(__file__).with_name("tell_flags.py")
ENGINES = [engine for engine in CATALOG.engines.values() if (FLAGS / f"{engine.id}.json").is_file()]
ROOMS = (Room(context=2048), Room(context=131072, cards=4, cache="fp8"))
DRAFTS = ("", "ngram", "qwen3-0.6b")
LAUNCHER = ["-m", "wizard.stages.launch"]


def told(engine: Engine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FLAGS / f"{engine.id}.json").read_text())
    return found


def lines(engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the parser sees, for every way that the catalogue's models call tools and think, with all options at once,
    with none, and with adapters."""
    monkeypatch.setattr(commanding, "share", lambda: "0.92")
    plain, apart = folder / "plain", folder / "apart"
    for place in (plain, apart / "adapter", apart / "adapters" / "more"):
        place.mkdir(parents=True)
    for place in (apart / "adapter", apart / "adapters" / "more"):
        (place / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 12}))
    ways = {(model.tools, model.reasoning, model.modality): model for model in CATALOG.models.values()}
    for model, room, draft, place in product(ways.values(), ROOMS, DRAFTS, (plain, apart)):
        values = asked_of(engine, model, room, Serving(draft=draft), "/store")
        spec = {
            "engine": engine.id,
            "argv": engine.argv,
            "options": {name: engine.options[name] for name in values},
            "values": values,
            "adapter_argv": engine.adapter_argv,
            "served_name": "me",
            "host": "127.0.0.1",
            "context": room.context,
            "device": "cpu" if "cpu" in engine.needs.accelerators else "cuda",
        }
        yield parsed_part(commanding.command(spec, place, 8000)[1:])


def parsed_part(line: list[str]) -> list[str]:
    """Without the program, and as the launcher hands it on."""
    if line[:2] != LAUNCHER:
        return line[2:]
    flag, rest = line[3], line[4:]
    return [*(rest[2:] if rest[:2] == ["serve", "api_server"] else rest), flag, "a key"]


def parser_of(found: dict[str, Any]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False, add_help=False)
    for place in found["places"]:
        parser.add_argument(place, nargs="?")
    for name, flag in found["flags"].items():
        if flag["kind"] == "flag":
            parser.add_argument(name, action="store_true", dest=name)
        else:
            kind = {"int": int, "float": float}.get(flag["kind"], str)
            more = {key: flag[key] for key in ("nargs",) if key in flag}
            choices = [kind(each) for each in flag["choices"] if each != "None"] if "choices" in flag else None
            parser.add_argument(name, type=kind, choices=choices, dest=name, **more)
    return parser


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.id)
def test_the_list_of_flags_is_of_the_locked_version(engine: Engine) -> None:
    for lock in set(engine.locks.values()):
        found = re.search(rf"(?m)^{engine.id}==(\S+)", (LOCKS / lock).read_text())
        assert found
        assert found[1] == told(engine)["version"]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.id)
def test_every_command_line_has_flags_and_values_that_there_are(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = told(engine)
    parser, seen = parser_of(found), set()
    for line in lines(engine, tmp_path, monkeypatch):
        _, unknown = parser.parse_known_args(line)
        assert unknown == []
        seen |= set(line)
    asked = {part for template in (engine.adapter_argv, *engine.options.values()) for part in template}
    assert {part for part in asked if part.startswith("--")} <= seen


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.id)
def test_the_parsers_that_are_named_exist_and_every_model_s_way_is_known_to_vllm(engine: Engine) -> None:
    found = told(engine)
    for drawer, flag in (("tools", "--tool-call-parser"), ("reasoning", "--reasoning-parser")):
        known = found.get(drawer) or found["flags"][flag]["choices"]
        assert set(getattr(engine, drawer).values()) <= set(known)
        assert {getattr(model, drawer) for model in CATALOG.models.values()} - {""} <= set(
            getattr(CATALOG.engines["vllm"], drawer)
        )


def test_no_template_of_an_engine_names_a_key_or_another_address_than_the_one_it_is_given() -> None:
    for engine in CATALOG.engines.values():
        if "serve" in engine.kinds:
            assert "{key}" not in " ".join(engine.argv)
            assert "{host}" in engine.argv
            guarded = "wizard.stages.guard.Guard" in engine.argv or "wizard.stages.openai_server" in engine.argv
            assert guarded or list(engine.argv[:2]) == LAUNCHER


@pytest.mark.soak
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.id)
def test_the_real_parser_takes_every_command_line(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`YCDY_FLAGS_<ENGINE>`: a Python that can import its parser and, behind a space, the PYTHONPATH it needs."""
    python, _, path = os.environ.get(f"YCDY_FLAGS_{engine.id.upper().replace('-', '')}", "").partition(" ")
    if not python:
        pytest.skip("no environment of this engine")
    asked = list(lines(engine, tmp_path, monkeypatch))
    given = "".join(json.dumps(line) + "\n" for line in asked)
    ran = subprocess.run(
        [python, str(REAL), engine.id],
        input=given,
        capture_output=True,
        text=True,
        env={**environment(REPO), "PYTHONPATH": path, KEY_VARIABLE: "a key"},
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.split().count("parsed") == len(asked)
