"""References in rows: found, told apart by their first bytes, and judged before anything is trained."""

from __future__ import annotations

import base64
import io
import os
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.unit.data.pictures import CLIPS, PICTURES, bomb, made, mp4, turned
from wizard import words
from wizard.contract import Rejected
from wizard.data.files.media.checking import Media, checked
from wizard.data.files.media.facts import facts_of
from wizard.data.files.media.headers import Cut, Facts
from wizard.data.files.media.references import Address, Roots, find, shown
from wizard.data.shape import Example


def judged(data: bytes, kind: Any = "image") -> Facts | Rejected:
    return checked(data, kind, "it")


def code(found: object) -> str:
    assert isinstance(found, Rejected), found
    assert words.known(f"reject.{found.code}")
    return found.code


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_known_by_its_header_as_pillow_knows_it(name: str) -> None:
    facts = judged(PICTURES[name])
    assert isinstance(facts, Facts)
    with Image.open(io.BytesIO(PICTURES[name])) as image:
        assert (facts.type.upper(), facts.width, facts.height) == (image.format, *image.size)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_lies_on_its_side_has_the_size_it_is_shown_in(kind: str, orientation: int) -> None:
    data = turned(kind, orientation)
    facts = judged(data)
    assert isinstance(facts, Facts)
    with Image.open(io.BytesIO(data)) as image:
        assert (facts.width, facts.height) == ImageOps.exif_transpose(image).size


@pytest.mark.parametrize("name", CLIPS)
def test_videos_and_sounds_are_told_apart(name: str) -> None:
    kind, data = CLIPS[name]
    facts = judged(data, kind)
    assert isinstance(facts, Facts)
    assert (facts.kind, facts.type) == (kind, name)
    assert code(judged(data)) == "media-kind"


def test_the_size_of_a_video_is_read() -> None:
    assert judged(mp4(1280, 720), "video") == Facts(kind="video", type="mp4", width=1280, height=720)
    assert judged(CLIPS["avi"][1], "video") == Facts(kind="video", type="avi", width=320, height=240)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_cut_anywhere_is_refused_and_never_raises(name: str) -> None:
    whole = PICTURES[name]
    found = [judged(whole[:end]) for end in range(len(whole))]
    passed = [end for end, facts in enumerate(found) if not isinstance(facts, Rejected)]
    ends = len(whole) - 2 if name == "animated" else len(whole) - 1  # a GIF without its last byte may end in another ;
    assert [end for end in passed if end < ends] == []


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_cut_anywhere_never_raises(name: str) -> None:
    kind, whole = CLIPS[name]
    found = [judged(whole[:end], kind) for end in range(len(whole))]
    if name not in ("mp3", "webm", "flac"):  # where these end is not said in their headers
        assert all(isinstance(each, Rejected) for each in found)


@given(st.sampled_from([*PICTURES.values(), *(data for _, data in CLIPS.values())]), st.integers(0), st.integers(1, 30))
def test_damaged_bytes_never_raise_anything_but_cut(data: bytes, seed: int, count: int) -> None:
    draw, hurt = random.Random(seed), bytearray(data)
    for _ in range(count):
        hurt[draw.randrange(len(hurt))] = draw.randrange(256)
    with suppress(Cut):
        facts_of(io.BytesIO(bytes(hurt)), len(hurt))


@given(st.binary(max_size=300))
def test_any_bytes_are_judged(data: bytes) -> None:
    judged(data)


def test_a_small_file_of_many_pixels_is_refused_unopened() -> None:
    found = judged(bomb())
    assert code(found) == "media-pixels"
    assert "60000 x 60000" in words.say_in("en", f"reject.{found.code}", **found.params)  # type: ignore[union-attr]


def test_a_strip_that_no_model_takes_is_refused() -> None:
    assert code(judged(made("PNG", (402, 2)))) == "media-thin"
    assert isinstance(judged(made("PNG", (400, 2))), Facts)


@pytest.mark.parametrize(
    ("expected", "data"), [("media-empty", b""), ("media-unknown", b"%PDF-1.4"), ("media-unknown", b"<html>404</html>")]
)
def test_what_is_no_picture_says_so(expected: str, data: bytes) -> None:
    assert code(judged(data)) == expected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "图片").mkdir()
    (tmp_path / "a.png").write_bytes(PICTURES["png"])
    (tmp_path / "图片" / "b c.jpg").write_bytes(PICTURES["jpeg"])
    return tmp_path


def test_a_path_is_looked_for_beside_the_data_then_in_the_roots(folder: Path) -> None:
    roots = Roots(folder=folder / "elsewhere", more=(folder,))
    assert find("a.png", Roots(folder=folder)) == folder / "a.png"
    assert find(" 图片/b c.jpg ", roots) == folder / "图片/b c.jpg"
    assert find("图片\\b c.jpg", roots) == folder / "图片/b c.jpg"
    assert find(str(folder / "a.png"), Roots(folder=Path("/nowhere"))) == folder / "a.png"
    assert find({"path": "a.png", "bytes": None}, roots) == folder / "a.png"


def test_a_file_may_be_named_by_its_address(folder: Path) -> None:
    (folder / "a cat.png").write_bytes(PICTURES["png"])
    assert find(f"file://{folder}/a%20cat.png", Roots(folder=folder)) == folder / "a cat.png"
    assert code(find(f"file://{folder}/no.png", Roots(folder=folder))) == "missing-media"


@pytest.mark.parametrize("odd", ["nothing.png", "a" * 5000, "a\0b", "/", "../..", "~nobody/a", "~/", "\udc80"])
def test_a_path_that_leads_nowhere_is_missing_or_no_file(odd: str, folder: Path) -> None:
    example = Example(messages=[], images=[odd])
    assert code(Media(Roots(folder=folder)).fault(example)) in ("missing-media", "media-not-a-file")


PNG = base64.b64encode(PICTURES["png"]).decode()


@pytest.mark.parametrize(
    "reference",
    [
        f"data:image/png;base64,{PNG}",
        f"DATA:image/png;base64,{PNG.rstrip('=')}",
        PNG,
        {"bytes": PICTURES["png"], "path": "gone.png"},
        {"bytes": PNG},
        {"url": f"data:image/png;base64,{PNG}"},
        PICTURES["png"],
    ],
    ids=["data", "data-unpadded", "bare", "bytes", "bytes-as-text", "url", "raw"],
)
def test_a_picture_may_stand_in_the_row_itself(reference: Any, folder: Path) -> None:
    found = find(reference, Roots(folder=folder))
    assert isinstance(found, bytes)
    assert isinstance(judged(found), Facts)


@pytest.mark.parametrize(
    ("expected", "reference"),
    [
        ("media-reference", None),
        ("media-reference", ""),
        ("media-reference", 7),
        ("media-reference", {}),
        ("media-reference", {"path": 3}),
        ("media-data", "data:image/png;base64,###"),
        ("media-data", "data:image/png"),
        ("media-data", {"bytes": "###"}),
        ("media-unknown", "file:///etc/passwd"),
        ("media-scheme", "ftp://example.com/a.png"),
        ("media-scheme", "s3://bucket/a.png"),
    ],
)
def test_a_reference_that_is_none_is_named(expected: str, reference: Any, folder: Path) -> None:
    assert code(Media(Roots(folder=folder)).fault(Example(messages=[], images=[reference]))) == expected


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["bytes", "path", "url", "x"]), inner),
)


@given(st.lists(ANYTHING, max_size=3), st.lists(ANYTHING, max_size=3))
def test_whatever_stands_for_a_picture_or_a_video_is_judged(images: list[Any], videos: list[Any]) -> None:
    fault = Media(Roots(folder=Path("/nonexistent"))).fault(Example(messages=[], images=images, videos=videos))
    assert fault is None or words.say_in("zh", f"reject.{fault.code}", **fault.params)


def test_an_address_is_left_for_later(folder: Path) -> None:
    assert find("https://example.com/a.png?key=1", Roots(folder=folder)) == Address("https://example.com/a.png?key=1")
    assert Media(Roots(folder=folder)).fault(Example(messages=[], images=["http://127.0.0.1:1/a.png"])) is None


def test_what_is_secret_in_an_address_is_not_shown() -> None:
    assert shown("https://me:secret@example.com/a.png?token=secret") == "https://example.com/a.png"
    assert shown(f"data:image/png;base64,{PNG}") == "data"
    assert len(shown("a" * 5000)) < 200


def test_pipes_are_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    assert code(Media(Roots(folder=folder)).fault(Example(messages=[], images=["pipe.png"]))) == "media-not-a-file"


def test_a_video_may_be_a_list_of_pictures(folder: Path) -> None:
    media = Media(Roots(folder=folder))
    assert media.fault(Example(messages=[], videos=[["a.png", "图片/b c.jpg"]])) is None
    assert code(media.fault(Example(messages=[], videos=["a.png"]))) == "media-kind"


def test_a_file_named_by_many_rows_is_read_once(folder: Path) -> None:
    media = Media(Roots(folder=folder))
    example = Example(messages=[], images=["a.png"])
    assert media.fault(example) is None
    (folder / "a.png").write_bytes(b"")
    assert media.fault(example) is None
    assert code(Media(Roots(folder=folder)).fault(example)) == "media-empty"


def test_beyond_so_many_files_only_their_being_there_is_looked_at(folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"bad")
    media = Media(Roots(folder=folder), most=1)
    assert media.fault(Example(messages=[], images=["a.png"])) is None
    assert media.fault(Example(messages=[], images=["bad.png"])) is None
    assert code(media.fault(Example(messages=[], images=["none.png"]))) == "missing-media"
