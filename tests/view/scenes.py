"""Every screen at a telling moment, and how a person gets there: for pictures and for rules about all screens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import fake_moments as moments
from fake_desk import FakeDesk
from fake_fronts import KEY
from fake_values import ANSWERS, RTX_4090, RUN
from person import Person

from wizard.words import language, say

Steps = Callable[[Person], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Scene:
    steps: Steps
    gpu: bool = False
    moment: object = moments.TRAINING
    attach: str = ""
    here: tuple[object, ...] = ()

    def ready(self) -> tuple[FakeDesk, str, Steps]:
        desk = FakeDesk(machine=RTX_4090) if self.gpu else FakeDesk()
        desk.moment, desk.here = self.moment, self.here  # type: ignore[assignment]
        return desk, self.attach, self.steps


async def welcome(person: Person) -> None:
    await person.be_at("Welcome", moments.HERE[0].run)


async def hardware(person: Person) -> None:
    await person.wait_until(lambda: bool(getattr(person.window.screen, "tasks", ())))
    await person.press("down", "enter")
    await person.be_at("Hardware", say("view.hardware.good_for"), "RTX 4090", "0.2")


async def recipe(person: Person) -> None:
    await hardware(person)
    await person.press("enter")
    await person.be_at("RecipeStep", "Qwen3-32B")
    await person.press(*["down"] * 4)
    await person.see(say("view.recipe.helps"))


async def knobs(person: Person) -> None:
    await hardware(person)
    await person.press("enter")
    await person.be_at("RecipeStep", "Qwen3-32B")
    await person.press("k")
    await person.be_at("KnobsScreen")
    await person.press("right", "down", "right")
    await person.see("< 4096 >", "18.8")


async def names(person: Person) -> None:
    await person.wait_until(lambda: bool(getattr(person.window.screen, "tasks", ())))
    await person.press("enter")
    await person.be_at("Hardware", say("view.hardware.good_for"))
    await person.press("enter")
    await person.be_at("RecipeStep", "SmolLM2")
    await person.press("enter")
    await person.be_at("DataStep", say("view.data.rows"), "<|im_end|>")


async def data(person: Person) -> None:
    await hardware(person)
    await person.press("enter")
    await person.be_at("RecipeStep", "Qwen3-32B")
    await person.press("enter")
    await person.be_at("DataStep", say("view.data.path"))
    await person.type("/data/service.jsonl")
    await person.see(say("view.data.rows"))


async def columns(person: Person) -> None:
    await data(person)
    await person.press("f6")
    await person.be_at("ColumnsScreen", "< alpaca >")
    await person.press("down", "down", "down", "right")
    await person.see("< id >", "<|im_start|>")


async def review(person: Person) -> None:
    await names(person)
    await person.press("enter")
    await person.be_at("Review", say("view.review.ready"))


async def as_it_is(person: Person) -> None:
    """The goal that trains nothing, up to its data."""
    await person.wait_until(lambda: bool(getattr(person.window.screen, "tasks", ())))
    await person.press("down", "down", "enter")
    await person.be_at("Hardware", say("view.hardware.good_for"))
    await person.press("enter")
    await person.be_at("RecipeStep", "SmolLM2")


async def serve(person: Person) -> None:
    await as_it_is(person)
    await person.see(say("knob.micro_batch.title_serve"))


async def serve_data(person: Person) -> None:
    await as_it_is(person)
    await person.press("enter")
    await person.be_at("DataStep", say("view.data.source.none"))


async def serve_review(person: Person) -> None:
    await serve_data(person)
    await person.press("enter")
    await person.be_at("Review", say("view.review.ready"))


async def formats(person: Person) -> None:
    await serve_review(person)
    await person.press("z")
    await person.be_at("FormatsScreen", "FP8")
    await person.press("down", "down")
    await person.see("AVX-512")


async def wishes(person: Person) -> None:
    await review(person)
    await person.press("e", "z")
    await person.be_at("FormatsScreen", "FP8")
    await person.press("down", "enter")
    await person.be_at("Review", say("view.review.ready"), say("stage.quantise"), say("stage.evaluate"))


async def commands(person: Person) -> None:
    await review(person)
    await person.press("c")
    await person.be_at("Leaf", "wizard.stages.fetch")


async def watch(person: Person) -> None:
    await person.be_at("WatchScreen", "41/60", say("view.watch.ram_free"))


async def done(person: Person) -> None:
    said = ANSWERS[language()]
    await person.be_at("Done", said["questions"][0], say("view.chat.hello.chat"))
    await person.type(said["questions"][0])
    await person.press("enter")
    await person.see("".join(said["pieces"]))
    await person.wait_until(lambda: not person.window.screen.query_one("#chat").talk.busy)  # type: ignore[attr-defined]


async def expose(person: Person) -> None:
    """Opened with Enter alone; the key is in sight."""
    await person.be_at("Done", say("view.chat.hello.chat"))
    await person.press("escape", "x")
    await person.be_at("ExposeScreen", say("view.do.open_front"))
    await person.wait_until(lambda: bool(person.window.screen.given["key-name"]))  # type: ignore[attr-defined]
    await person.press("enter")
    await person.see(KEY)


async def runs(person: Person) -> None:
    await person.press("r")
    await person.be_at("Runs", moments.HERE[3].run)


async def confirm(person: Person) -> None:
    await watch(person)
    await person.press("s")
    await person.be_at("Confirm")


async def problem(person: Person) -> None:
    await person.be_at("ProblemScreen", "log.txt")


async def token(person: Person) -> None:
    await person.be_at("ProblemScreen", say("view.do.give_token"))
    await person.press("enter")
    await person.be_at("TokenScreen", "huggingface.co/settings/tokens")


async def help_(person: Person) -> None:
    await hardware(person)
    await person.press("enter")
    await person.be_at("RecipeStep", "Qwen3-32B")
    await person.press("question_mark")
    await person.be_at("Help")


async def toosmall(person: Person) -> None:
    await person.pilot.resize_terminal(50, 12)
    await person.be_at("TooSmall", "50x12")


SCENES = {
    "welcome": Scene(steps=welcome, here=moments.HERE),
    "hardware": Scene(steps=hardware, gpu=True),
    "recipe": Scene(steps=recipe, gpu=True),
    "knobs": Scene(steps=knobs, gpu=True),
    "names": Scene(steps=names),
    "data": Scene(steps=data, gpu=True),
    "columns": Scene(steps=columns, gpu=True),
    "review": Scene(steps=review),
    "serve": Scene(steps=serve),
    "serve_data": Scene(steps=serve_data),
    "serve_review": Scene(steps=serve_review),
    "formats": Scene(steps=formats),
    "wishes": Scene(steps=wishes),
    "commands": Scene(steps=commands),
    "watch": Scene(steps=watch, attach=RUN),
    "done": Scene(steps=done, moment=moments.SERVING, attach=RUN),
    "expose": Scene(steps=expose, moment=moments.SERVING, attach=RUN),
    "runs": Scene(steps=runs, here=moments.HERE),
    "confirm": Scene(steps=confirm, attach=RUN),
    "problem": Scene(steps=problem, moment=moments.FAILED, attach=RUN),
    "token": Scene(steps=token, moment=moments.GATED, attach=RUN),
    "help": Scene(steps=help_, gpu=True),
    "toosmall": Scene(steps=toosmall),
}
