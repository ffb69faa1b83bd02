"""Places in pictures, as each family says them and back again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.contract import Rejected
from wizard.data.shape import Example
from wizard.data.shape.grounding import boxes_in, grounded
from wizard.data.shape.pieces import pieces_of
from wizard.data.shape.sight import SIGHTS, image_tokens, seen_size

SHEEP = "<image>Find the <ref-object> in the picture", "<bbox>"


def example(*turns: str, **objects: Any) -> Example:
    roles = ("user", "assistant")
    messages = [{"role": roles[number % 2], "content": turn} for number, turn in enumerate(turns)]
    return Example(messages=messages, images=["a.jpg"], objects=objects)


def said(family: str, row: Example, size: tuple[int, int] = (1000, 500)) -> list[str]:
    made = grounded(row, family, [size])
    assert isinstance(made, Example), made
    return [message["content"] for message in made.messages]


@pytest.mark.parametrize(
    ("family", "name", "place"),
    [
        ("qwen2-vl", "<|object_ref_start|>sheep<|object_ref_end|>", "<|box_start|>(100,400),(500,800)<|box_end|>"),
        ("qwen2.5-vl", "<|object_ref_start|>sheep<|object_ref_end|>", "<|box_start|>(101,202),(504,403)<|box_end|>"),
        ("qwen3-vl", "<|object_ref_start|>sheep<|object_ref_end|>", "<|box_start|>(100,400),(500,800)<|box_end|>"),
        ("internvl3", "<ref>sheep</ref>", "<box>[[100, 400, 500, 800]]</box>"),
        ("glm4.1v", "sheep", "<|begin_of_box|>[100, 400, 500, 800]<|end_of_box|>"),
        ("llava1.5", "sheep", "[(100,400),(500,800)]"),
        ("paligemma", "sheep", "<loc0409><loc0102><loc0818><loc0512>"),
    ],
)
def test_each_family_says_a_place_in_its_own_way(family: str, name: str, place: str) -> None:
    row = example(*SHEEP, ref=["sheep"], bbox=[[100, 200, 500, 400]])
    assert seen_size("qwen2.5-vl", 1000, 500) == (1008, 504)
    assert said(family, row) == [f"<image>Find the {name} in the picture", place]


def test_an_answer_in_json_gets_numbers_and_plain_names() -> None:
    answer = '[{"bbox_2d": <bbox>, "label": "<ref-object>"}]'
    row = example("<image>Where is <ref-object>?", answer, ref=['a "dog"', 'a "dog"'], bbox=[[100, 200, 500, 400]])
    question, written = said("qwen2.5-vl", row)
    assert question == '<image>Where is a "dog"?'
    assert json.loads(written) == [{"bbox_2d": [101, 202, 504, 403], "label": 'a "dog"'}]
    assert json.loads(said("qwen3-vl", row)[1])[0]["bbox_2d"] == [100, 400, 500, 800]


@pytest.mark.parametrize(
    "objects",
    [
        {"bbox": [[0.1, 0.4, 0.5, 0.8]]},
        {"bbox": [[0.1, 0.4, 0.5, 0.8]], "bbox_type": "norm1"},
        {"bbox": [[100, 400, 500, 800]], "bbox_type": "norm1000"},
        {"bbox": [[100, 200, 500, 400]], "bbox_type": "real"},
        {"bbox": [[100.2, 199.8, 500, 400.0]]},
    ],
)
def test_pixels_pieces_of_one_and_of_a_thousand_are_the_same_place(objects: dict[str, Any]) -> None:
    row = example("<image>Where?", "<bbox>", **objects)
    assert said("qwen3-vl", row)[1] == "<|box_start|>(100,400),(500,800)<|box_end|>"


def test_a_point_is_a_place_of_two_numbers() -> None:
    row = example("<image>Open it", "click(start_box='<bbox>')", ref=[], bbox=[[615, 226]])
    assert said("qwen2-vl", row)[1] == "click(start_box='<|box_start|>(615,452)<|box_end|>')"


def test_each_box_is_measured_in_its_own_picture() -> None:
    row = example("<image><image>Where?", "<bbox><bbox>", bbox=[[50, 50], [50, 50]], image_id=[0, 1])
    made = grounded(row, "qwen3-vl", [(100, 100), (200, 500)])
    assert isinstance(made, Example)
    assert boxes_in(made.messages[1]["content"], "qwen3-vl", (1000, 1000)) == [(500.0, 500.0), (250.0, 100.0)]


@pytest.mark.parametrize(
    ("code", "objects"),
    [
        ("object-count", {"bbox": []}),
        ("object-count", {"bbox": [[1, 2], [3, 4]]}),
        ("object-count", {"ref": ["sheep"], "bbox": [[1, 2]]}),
        ("object-count", {}),
        ("box-shape", {"bbox": [[1, 2, 3]]}),
        ("box-shape", {"bbox": [[]]}),
        ("box-shape", {"bbox": ["1, 2"]}),
        ("box-shape", {"bbox": [[True, 1]]}),
        ("box-shape", {"bbox": [[float("nan"), 1]]}),
        ("box-shape", {"bbox": [[10**400, 1]]}),
        ("box-outside", {"bbox": [[0, 0, 1200, 10]]}),
        ("box-outside", {"bbox": [[-100, 0, 12, 10]]}),
        ("box-outside", {"bbox": [[0, 0, 2, 1]], "bbox_type": "norm1"}),
        ("box-backwards", {"bbox": [[300, 200, 50, 400]]}),
        ("box-picture", {"bbox": [[1, 2]], "image_id": [1]}),
        ("box-picture", {"bbox": [[1, 2]], "image_id": ["0"]}),
        ("box-type", {"bbox": [[1, 2]], "bbox_type": "yolo"}),
    ],
)
def test_a_place_that_cannot_be_is_named(code: str, objects: dict[str, Any]) -> None:
    made = grounded(example("<image>Where?", "<bbox>", **objects), "qwen3-vl", [(1000, 500)])
    assert isinstance(made, Rejected)
    assert made.code == code


def test_a_little_over_the_edge_is_the_edge() -> None:
    row = example("<image>Where?", "<bbox>", bbox=[[-1, 0, 1004.5, 501]])
    assert said("qwen3-vl", row)[1] == "<|box_start|>(0,0),(1000,1000)<|box_end|>"


def test_a_row_without_places_stays_as_it_is() -> None:
    row = Example(messages=[{"role": "user", "content": "what does <bbox> mean in HTML?"}])
    assert grounded(row, "qwen3-vl", []) is row


sides = st.integers(20, 4000)
part = st.floats(0, 1)


@given(st.sampled_from([*SIGHTS, "unknown"]), sides, sides, part, part, part, part, st.booleans())
def test_what_is_written_is_read_back_within_half_a_step(
    family: str, width: int, height: int, a: float, b: float, c: float, d: float, as_json: bool
) -> None:
    x, y = sorted((a * width, c * width)), sorted((b * height, d * height))
    box = [x[0], y[0], x[1], y[1]]
    answer = '{"bbox_2d": <bbox>}' if as_json else "It is at <bbox>."
    text = said(family, example("<image>Where?", answer, bbox=[box], bbox_type="real"), (width, height))[1]
    (found,) = boxes_in(text, family, (width, height))
    seen = seen_size(family, width, height)
    for number, (one, other) in enumerate(zip(box, found, strict=True)):
        side = (width, height)[number % 2]
        step = side / min(999, seen[number % 2])
        assert abs(one - other) <= step


@pytest.mark.parametrize("family", SIGHTS)
def test_an_answer_without_a_place_names_none(family: str) -> None:
    for text in ("", "no", "I see 4 [four] sheep (2, 3).", "<box>", "[1, 2, 3]", "[]", "<loc0001>"):
        assert boxes_in(text, family, (10, 10)) == []


@given(st.sampled_from([*SIGHTS, "unknown"]), st.integers(1, 20000), st.integers(1, 20000))
def test_a_picture_of_any_size_takes_a_bounded_number_of_tokens(family: str, width: int, height: int) -> None:
    tokens = image_tokens(family, width, height)
    assert (tokens > 0) == (family != "unknown")
    assert tokens < 14_000
    wide, high = seen_size(family, width, height)
    assert wide >= 1 and high >= 1


def test_a_picture_must_have_pixels() -> None:
    with pytest.raises(ValueError, match="0x4"):
        image_tokens("qwen2-vl", 0, 4)


def test_a_turn_is_taken_apart_at_its_pictures() -> None:
    assert pieces_of("<image>Which\n<image>") == [
        {"type": "image"},
        {"type": "text", "text": "Which\n"},
        {"type": "image"},
    ]
    assert pieces_of("plain") == [{"type": "text", "text": "plain"}]
    assert pieces_of("") == []
