"""Sample pictures in a terminal: half blocks where there is colour, signs where there is none, never too wide."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult

from wizard.contract import Thumbnail
from wizard.view.widgets.picture import SHADES, UPPER, Pictures, drawn, fitted


def gradient(ref: str, width: int = 48, height: int = 32) -> Thumbnail:
    pixels = bytes(
        value
        for y in range(height)
        for x in range(width)
        for value in (255 * x // width, 255 * y // height, 128 if (x // 8 + y // 8) % 2 else 40)
    )
    return Thumbnail(ref=ref, size=(width * 20, height * 20), width=width, height=height, pixels=pixels)


SHOWN = (
    gradient("images/猫在窗台上.jpg"),
    Thumbnail(ref="gone.png"),
    gradient("tall[/b].png", 20, 40),
    gradient("4.png"),
)


class Gallery(App[None]):
    def compose(self) -> ComposeResult:
        yield Pictures(id="pictures")

    def on_mount(self) -> None:
        self.query_one(Pictures).show(SHOWN)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=str)
def test_pictures_look_as_they_did(size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(Gallery(), terminal_size=size)


def test_pictures_without_colour_look_as_they_did(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(Gallery(), terminal_size=(80, 24))


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("columns", [1, 5, 16, 30, 40, 60, 80, 200])
def test_no_line_is_wider_than_its_room(columns: int, colour: bool) -> None:
    lines = drawn(SHOWN, columns, colour=colour).plain.split("\n")
    assert max(map(cell_len, lines)) <= columns
    assert len(lines) < 20


def test_without_colour_there_is_no_colour_and_no_sign_of_unsure_width() -> None:
    text = drawn(SHOWN[:1], 40, colour=False)
    assert UPPER not in text.plain
    assert not text.spans
    assert set(text.plain.split("\n")[0]) <= set(SHADES)


def test_colours_are_those_of_the_picture() -> None:
    two = Thumbnail(ref="a", size=(1, 2), width=1, height=2, pixels=bytes((255, 0, 0, 0, 0, 255)))
    style = drawn([two], 1).spans[0].style
    assert (style.foreground.rgb, style.background.rgb) == ((255, 0, 0), (0, 0, 255))  # type: ignore[union-attr]


def test_a_name_with_markup_or_controls_is_only_a_name() -> None:
    text = drawn([gradient("a/[red]\x1b[31m.png")], 60).plain
    assert "[red]" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(("width", "height"), [(96, 1), (1, 64), (96, 64), (3, 3)])
def test_a_picture_keeps_its_shape_and_fits(width: int, height: int) -> None:
    wide, high = fitted(width, height, 30)
    assert 1 <= wide <= 30
    assert 1 <= high <= 12


async def test_nothing_takes_no_room() -> None:
    app = Gallery()
    async with app.run_test() as pilot:
        pictures = app.query_one(Pictures)
        pictures.show(())
        await pilot.pause()
        assert not pictures.display
