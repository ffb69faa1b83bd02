import fake_moments as moments
import pytest
from fake_desk import FakeDesk
from fake_values import RUN
from person import sitting_at
from scenes import SCENES

from wizard import words


async def test_a_window_below_60x20_says_so_and_recovers(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.be_at("Welcome", "Give a model a name")
        await person.pilot.resize_terminal(50, 15)
        await person.be_at("TooSmall", "now 50x15", "60x20")
        await person.pilot.resize_terminal(60, 20)
        await person.be_at("Welcome", "Give a model a name")


async def test_a_window_that_is_small_from_the_start_says_so(desk: FakeDesk) -> None:
    async with sitting_at(desk, size=(40, 10)) as person:
        await person.be_at("TooSmall", "40x10", "--plain")
        await person.press("q")
        await person.wait_until(lambda: person.window.return_value == 0)


async def test_a_run_attached_in_a_small_window_says_so_too(desk: FakeDesk) -> None:
    async with sitting_at(desk, size=(58, 18), attach=RUN) as person:
        await person.be_at("TooSmall", "58x18")
        await person.pilot.resize_terminal(80, 24)
        await person.be_at("WatchScreen", "41/60")


async def test_a_run_seen_through_a_small_window_waits_to_move_on(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("WatchScreen", "41/60")
        await person.pilot.resize_terminal(50, 15)
        await person.be_at("TooSmall")
        desk.moment = moments.SERVING
        await person.pilot.resize_terminal(80, 24)
        await person.be_at("Done", "Who are you?")


@pytest.mark.parametrize("scene", [name for name in SCENES if name != "toosmall"])
async def test_help_is_there_on_every_screen_and_the_language_can_be_switched(scene: str) -> None:
    desk, attach, steps = SCENES[scene].ready()
    async with sitting_at(desk, attach=attach) as person:
        await steps(person)
        before = person.screen
        await person.press("f2")
        assert words.language() == "zh"
        if before in ("Help", "Leaf", "Confirm"):
            return
        assert person.screen == before
        await person.press("f2", "f1")
        await person.be_at("Help")
        assert "view.help" not in person.sight and "knob." not in person.sight
        await person.press("escape")
        await person.be_at(before)


async def test_without_colours_everything_still_says_what_it_is(
    gpu_desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.see("[aaaaaaaa", "fits", "no  ")


async def test_a_console_without_braille_gets_asterisks(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("|*")


async def test_a_crash_shows_a_log_path_and_no_traceback(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    from pathlib import Path

    from wizard.view.app import WizardApp

    app = WizardApp(FakeDesk(home=Path(str(tmp_path))))  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            app.call_later(lambda: 1 / 0)
            await pilot.pause()
    shown = capsys.readouterr().err
    assert "wizard.log" in shown and "Traceback" not in shown
    assert "ZeroDivisionError" in (Path(str(tmp_path)) / "logs" / "wizard.log").read_text()


async def test_sixteen_colours_get_a_theme_of_exactly_those(
    gpu_desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "standard")
    async with sitting_at(gpu_desk) as person:
        assert person.window.theme == "gong-16"
        await person.reach_recipes()
        await person.see("recommended")
