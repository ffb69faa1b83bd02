"""Pictures as a model gets them: upright, in three colours, of its size; rows that cannot be are told, not lost."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.unit.data.pictures import PICTURES, bomb, made, turned
from wizard.contract import Rejected
from wizard.data.files.media.fetching import Cache
from wizard.data.files.media.pictures import prepared
from wizard.data.files.media.ready import Shelf, made_ready, ready_all
from wizard.data.files.media.references import Roots
from wizard.data.shape import Example
from wizard.data.shape.seeing import Size

RED = (200, 30, 60)


def same(width: int, height: int) -> Size:
    return width, height


def ready(data: bytes, store: Path, size_for: Any = same) -> Image.Image:
    path = prepared(data, size_for, store, "it")
    assert isinstance(path, Path), path
    image = Image.open(path)
    image.load()
    return image


def close(one: Any, other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 25 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", PICTURES)
def test_every_kind_becomes_three_colours_of_the_size_asked_for(name: str, tmp_path: Path) -> None:
    image = ready(PICTURES[name], tmp_path, lambda width, height: (width // 2, height // 2))
    assert (image.mode, image.size) == ("RGB", (20, 15))
    assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("name", ["png", "jpeg", "cmyk", "gif", "webp", "bmp", "palette", "alpha"])
def test_colours_stay(name: str, tmp_path: Path) -> None:
    assert close(ready(PICTURES[name], tmp_path).getpixel((5, 5)), RED)


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), (200, 30, 60, 0)).save(file, "PNG")
    assert ready(file.getvalue(), tmp_path).getpixel((1, 1)) == (255, 255, 255)


def test_sixteen_bits_are_divided_not_cut_off(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("I;16", (8, 8), 128 * 257).save(file, "PNG")
    assert ready(file.getvalue(), tmp_path).getpixel((1, 1)) == (128, 128, 128)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_on_its_side_is_turned_upright_once(kind: str, tmp_path: Path) -> None:
    image = ready(turned(kind, 6), tmp_path)
    assert image.size == (30, 40)
    assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("name", ["png", "jpeg", "with-exif"])
def test_a_file_that_needs_no_change_is_used_where_it_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(PICTURES[name])
    assert prepared(path, same, tmp_path / "store", "it") == path
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", PICTURES)
def test_a_file_cut_anywhere_is_broken_never_a_traceback(name: str, tmp_path: Path) -> None:
    whole = PICTURES[name]
    for end in range(0, len(whole), 7):
        found = prepared(whole[:end], same, tmp_path, "it")
        assert isinstance(found, Path) or found.code == "broken-media"


def test_a_bomb_that_slipped_through_is_broken(tmp_path: Path) -> None:
    found = prepared(bomb(), same, tmp_path, "it")
    assert isinstance(found, Rejected)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "big.jpg").write_bytes(made("JPEG", (3000, 2000)))
    (tmp_path / "small.png").write_bytes(PICTURES["png"])
    (tmp_path / "side.jpg").write_bytes(turned("JPEG", 6, (3000, 2000)))
    (tmp_path / "bad.jpg").write_bytes(PICTURES["jpeg"][:400])
    return Shelf(
        roots=Roots(folder=tmp_path),
        cache=Cache(folder=tmp_path / "cache"),
        store=tmp_path / "store",
        family="qwen2.5-vl",
    )


def row(*images: Any, answer: str = "A sheep.", **more: Any) -> Example:
    question = {"role": "user", "content": "<image>" * len(images) + "What is it?"}
    return Example(messages=[question, {"role": "assistant", "content": answer}], images=list(images), **more)


def sizes(example: Any) -> list[Size]:
    assert isinstance(example, Example), example
    return [Image.open(path).size for path in example.images]


def test_a_large_picture_is_made_to_the_model_s_pixels_and_a_place_with_it(shelf: Shelf) -> None:
    done = made_ready(row("big.jpg", answer="<bbox>", objects={"bbox": [[0, 0, 1500, 2000]]}), shelf)
    assert sizes(done) == [(1232, 812)]
    assert isinstance(done, Example)
    assert done.messages[1]["content"] == "<|box_start|>(0,0),(616,812)<|box_end|>"


def test_a_place_in_a_picture_on_its_side_is_one_in_the_upright_picture(shelf: Shelf) -> None:
    done = made_ready(row("side.jpg", answer="<bbox>", objects={"bbox": [[0, 0, 1000, 3000]]}), shelf)
    assert sizes(done) == [(812, 1232)]
    assert isinstance(done, Example)
    assert done.messages[1]["content"] == "<|box_start|>(0,0),(406,1232)<|box_end|>"


def test_a_video_of_pictures_stands_as_pictures_where_it_stood(shelf: Shelf) -> None:
    messages = [{"role": "user", "content": "<image> or <video>? <image>"}, {"role": "assistant", "content": "No."}]
    images, frames = ["small.png", "side.jpg"], ["big.jpg", "big.jpg"]
    done = made_ready(Example(messages=messages, images=images, videos=[frames]), shelf)
    assert isinstance(done, Example)
    assert done.messages[0]["content"] == "<image> or <image><image>? <image>"
    assert sizes(done) == [(40, 30), (1232, 812), (1232, 812), (812, 1232)]


@pytest.mark.parametrize(
    ("expected", "example"),
    [
        ("missing-media", row("none.jpg")),
        ("broken-media", row("small.png", "bad.jpg")),
        ("media-reference", row(None)),
        ("media-private", row("http://127.0.0.1:9/a.jpg")),
        ("media-video", Example(messages=[], videos=["a.mp4"])),
        ("media-audio", Example(messages=[], audios=["a.mp3"])),
        ("box-outside", row("small.png", answer="<bbox>", objects={"bbox": [[0, 0, 4000, 1]]})),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_line_and_the_others_go_on(
    expected: str, example: Example, shelf: Shelf
) -> None:
    found = dict(ready_all([(1, row("small.png")), (2, example), (3, Rejected(line=3, code="bad-json"))], shelf))
    assert list(found) == [1, 2, 3]
    assert isinstance(found[1], Example)
    assert isinstance(found[2], Rejected)
    assert (found[2].line, found[2].code) == (2, expected)
    assert isinstance(found[3], Rejected)


def test_a_model_that_sees_nothing_gets_no_pictures(shelf: Shelf, tmp_path: Path) -> None:
    blind = Shelf(roots=shelf.roots, cache=shelf.cache, store=shelf.store, family="qwen3")
    found = made_ready(row("small.png"), blind)
    assert isinstance(found, Rejected)
    assert found.code == "media-unseen"


def test_rows_without_pictures_pass_untouched_and_in_order(shelf: Shelf) -> None:
    rows = [(line, Example(messages=[{"role": "user", "content": str(line)}])) for line in range(500)]
    assert [each[1] is known[1] for each, known in zip(ready_all(rows, shelf), rows, strict=True)] == [True] * 500
