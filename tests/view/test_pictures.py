import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from person import Person
from scenes import SCENES
from textual.pilot import Pilot

from wizard import words
from wizard.view.app import WizardApp

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SIZES = {"60x20": (60, 20), "80x24": (80, 24), "120x40": (120, 40)}
SHOWN = "80x24"
SAVE = bool(os.environ.get("YCDY_SAVE_PICTURES"))

FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
UNIQUE = re.compile(r"terminal-\d+-")


def picture(app: WizardApp) -> str:
    """The screen as a file of its own: no remote fonts, no random names, spaces kept by every viewer."""
    svg = UNIQUE.sub("t-", FONTS.sub("", app.export_screenshot()))
    svg = svg.replace(
        "font-family: Fira Code, monospace", "font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace"
    )
    svg = svg.replace("<text ", '<text xml:space="preserve" ')
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def assert_nothing_ambiguous(person: Person) -> None:
    """Signs that some CJK terminals draw two cells wide would push everything after them aside."""
    assert {sign for sign in person.sight if unicodedata.east_asian_width(sign) == "A"} == set()


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scene", SCENES)
def test_every_screen_looks_as_it_did(scene: str, size: str, language: str, snap_compare: Callable[..., bool]) -> None:
    words.use(language)
    desk, attach, steps = SCENES[scene].ready()
    app = WizardApp(desk, attach=attach)  # type: ignore[arg-type]
    seen: list[str] = []

    async def go_there(pilot: Pilot[int]) -> None:
        person = Person(pilot, desk)
        await steps(person)
        await person.hold_still()
        assert_nothing_ambiguous(person)
        seen.append(picture(app))

    same = snap_compare(app, terminal_size=SIZES[size], run_before=go_there)
    if size == SHOWN:
        compare_picture(f"{scene}-{language}.svg", seen[0])
    assert same


def compare_picture(name: str, svg: str) -> None:
    """The README shows these; `YCDY_SAVE_PICTURES=1 pytest tests/view/test_pictures.py` draws them anew."""
    if SAVE:
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / name).write_text(svg, encoding="utf-8")
    stale = not (PICTURES / name).exists() or (PICTURES / name).read_text(encoding="utf-8") != svg
    assert not stale, f"docs/pictures/{name} is stale"


def test_there_is_no_picture_of_a_screen_that_is_gone() -> None:
    wanted = {f"{scene}-{language}.svg" for scene in SCENES for language in words.LANGUAGES}
    assert {path.name for path in PICTURES.glob("*.svg")} == wanted
