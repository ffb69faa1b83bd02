"""A person at the window: steps named as they would tell them, and waiting for what they would wait to see."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fake_desk import FakeDesk
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from wizard.view.app import WizardApp

PATIENCE = 15.0


class Person:
    def __init__(self, pilot: Pilot[int], desk: FakeDesk) -> None:
        self.pilot = pilot
        self.desk = desk

    @property
    def window(self) -> WizardApp:
        assert isinstance(self.pilot.app, WizardApp)
        return self.pilot.app

    @property
    def screen(self) -> str:
        return type(self.window.screen).__name__

    @property
    def sight(self) -> str:
        """What is on the screen, as text."""
        strips = self.window.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    async def wait_until(self, condition: Callable[[], bool], what: str = "") -> None:
        limit = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > limit:
                raise AssertionError(f"{what or condition} did not come; on the screen:\n{self.sight}")
            await self.pilot.pause(0.01)

    async def see(self, *texts: str) -> None:
        for text in texts:
            await self.wait_until(lambda text=text: text in self.sight, repr(text))  # type: ignore[misc]

    async def be_at(self, screen: str, *texts: str) -> None:
        await self.wait_until(lambda: self.screen == screen, screen)
        await self.see(*texts)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """All at once, as a terminal hands over what is pasted."""
        self.window.post_message(Paste(text))
        await self.pilot.pause()

    async def hold_still(self) -> None:
        """For pictures: no blinking, nothing under way."""
        for box in self.window.screen.query("Input, TextArea"):
            assert isinstance(box, Input | TextArea)
            box.cursor_blink = False
        await self.pilot.pause()

    def asked(self, name: str) -> list[tuple[object, ...]]:
        return [call[1:] for call in self.desk.asked if call[0] == name]

    # the steps

    async def choose_goal(self, place: int = 0) -> None:
        await self.be_at("Welcome", "Give a model a name")
        await self.press(*["down"] * place, "enter")

    async def accept_hardware(self) -> None:
        await self.be_at("Hardware", "Good for")
        await self.press("enter")

    async def pick_recipe(self, place: int = 0) -> None:
        await self.be_at("RecipeStep", "recommended")
        await self.press(*["down"] * place, "enter")

    async def accept_names(self) -> None:
        await self.be_at("DataStep", "Sample rows")
        await self.press("enter")

    async def review(self) -> None:
        await self.be_at("Review", "Enter starts")

    async def start(self) -> None:
        await self.review()
        await self.press("enter")
        await self.be_at("WatchScreen", "41/60")

    async def reach_recipes(self) -> None:
        await self.choose_goal(1)
        await self.accept_hardware()
        await self.be_at("RecipeStep", "recommended")

    async def reach_files(self) -> None:
        await self.reach_recipes()
        await self.press("enter")
        await self.be_at("DataStep", "Data")

    async def reach_review(self) -> None:
        await self.choose_goal()
        await self.accept_hardware()
        await self.pick_recipe()
        await self.accept_names()
        await self.review()


@asynccontextmanager
async def sitting_at(desk: FakeDesk, *, size: tuple[int, int] = (80, 24), attach: str = "") -> AsyncIterator[Person]:
    app = WizardApp(desk, attach=attach)  # type: ignore[arg-type]
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield Person(pilot, desk)
