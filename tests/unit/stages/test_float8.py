"""FP8: which layers compute in it, and that the law counts what torchao really allocates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import Forge
from wizard.fit.reading.shape import Linear
from wizard.fit.recording.float8 import in_float8
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.tape import Buffer, Event, Tape, Value

ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
MLP = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
TOKENS, WIDE_IN, WIDE_OUT = 512, 256, 768  # as in check_float8.py
SCALES = 64  # bytes of numbers that belong to a whole tensor, which the law leaves out


@pytest.fixture(scope="module")
def told(forge: Forge, torchao: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("float8")
    script = str(Path(__file__).with_name("check_float8.py"))
    assert forge.run(script, folder, str(folder), **torchao) == 0, (folder / "log.txt").read_text()[-3000:]
    found: dict[str, Any] = json.loads((folder / "told.json").read_text())
    return found


def of_layers(*parts: str) -> set[str]:
    return {f"model.layers.{n}.{part}" for n in range(2) for part in parts}


def test_linear_layers_of_the_decoder_are_taken_and_nothing_else(told: dict[str, Any]) -> None:
    assert set(told["llama"]) == of_layers(*ATTENTION, *MLP)
    assert set(told["experts"]) == of_layers(*ATTENTION), "neither the experts nor what chooses among them"


def test_a_side_that_16_does_not_divide_stays_as_it_is(told: dict[str, Any]) -> None:
    assert set(told["odd"]) == of_layers(*ATTENTION)
    assert told["none"] == "no-float8-layers"


def test_the_law_counts_what_a_product_holds(told: dict[str, Any]) -> None:
    tape = Tape()
    x = Value(tape.new(WIDE_IN * 2), WIDE_IN, 2, tape.node([], lambda box: []))
    held: list[Buffer] = []
    forward = len(tape.events)
    out = in_float8(tape, Mode(weight=4, mixed=True), x, Linear("up_proj", WIDE_IN, WIDE_OUT), held)
    assert out.node
    gradient = [tape.new(WIDE_OUT * 2)]
    backward = len(tape.events)
    given = out.node.back(gradient)
    highest, left = most(tape.events[forward : backward - 1])
    again, _ = most(tape.events[backward:], left)
    assert given and held
    assert told["product"] == [pytest.approx(each, abs=SCALES) for each in (highest, left, again)]


def most(events: list[Event], now: int = 0) -> tuple[int, int]:
    """The most bytes at a time, and those at the end."""
    highest = now
    for _, token, _, fixed, _, _ in events:
        now += token * TOKENS + fixed
        highest = max(highest, now)
    return highest, now
