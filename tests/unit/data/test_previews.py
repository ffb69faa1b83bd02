"""What is told and shown of a data source whose rows have pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.pictures import PICTURES, bomb, made, turned
from wizard.data.files.media.checking import Media
from wizard.data.readers import previews, tally
from wizard.data.shape import Example, recognise

SHAPE = recognise([{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, data in (("a.png", PICTURES["png"]), ("cut.png", PICTURES["png"][:-9]), ("bomb.png", bomb())):
        (tmp_path / name).write_bytes(data)
    return tmp_path / "rows.jsonl"


def seen(image: Any) -> Example:
    return Example(messages=[{"role": "user", "content": "<image>?"}], images=[image] if image else [])


def test_rows_whose_pictures_are_missing_or_broken_are_counted_and_the_rest_used(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "to_example", lambda shape, row, line: seen(row))
    counted = tally.Tally(SHAPE, Media.beside(source))
    counted.add(enumerate(["a.png", "cut.png", "none.png", "bomb.png", None, "https://example.com/x.png"], 1))
    report = counted.report("utf-8")
    assert (report.rows, report.usable) == (6, 3)
    found = [(each.line, each.code) for each in report.rejected]
    assert found == [(2, "broken-media"), (3, "missing-media"), (4, "media-pixels")]
    assert report.modality == ("text", "image")
    assert report.tasks == ("sft", "vision")


def test_sample_pictures_are_made_small_and_upright(source: Path) -> None:
    (source.parent / "side.jpg").write_bytes(turned("JPEG", 6, (3000, 2000)))
    (shown,) = previews([{"messages": [], "images": ["side.jpg"]}], source)
    assert (shown.ref, shown.size) == ("side.jpg", (2000, 3000))
    assert shown.width <= 96 and shown.height <= 64 and shown.width < shown.height
    assert len(shown.pixels) == 3 * shown.width * shown.height


@pytest.mark.parametrize("image", ["cut.png", "none.png", "bomb.png", "https://127.0.0.1:1/a.png", None, 7, {}])
def test_a_picture_that_cannot_be_shown_is_a_name_without_one(image: Any, source: Path) -> None:
    (shown,) = previews([{"images": [image]}], source)
    assert shown.pixels == b""


def test_no_more_pictures_are_opened_than_are_shown(source: Path) -> None:
    samples = [{"images": [made("PNG")] * 100}, {"messages": []}]
    assert len(previews(samples, source)) == 6
