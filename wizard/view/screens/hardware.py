"""What this machine has, in words, and what that is good for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from wizard.contract import Catalog, Disk, Gpu, Machine, Verdict
from wizard.session import leads
from wizard.view import telling
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, PlainStatic
from wizard.view.widgets.facts import Fact, Facts
from wizard.words import say
from wizard.words.units import gb, gib

Part = str | tuple[str, str]
BAR = 16
NIGHT = 12 * 3600.0
NAMED = 3
SKILLS = (  # of each line the first that is there
    (("amx", "AMX"),),
    (("avx512_bf16", "AVX-512 BF16"), ("avx512", "AVX-512"), ("avx2", "AVX2")),
    (("sve", "SVE"),),
    (("bf16", "BF16"),),
)


class Hardware(Page):
    NAME = "hardware"
    STEP = "hardware"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", show=False),
        Binding("r", "again", show=False),
        Binding("l", "app.language", show=False),
        Binding("q", "app.leave", show=False),
    ]
    machine: Machine | None = None
    verdicts: tuple[Verdict, ...] = ()

    def body(self) -> ComposeResult:
        yield PlainStatic(say("step.hardware"), classes="title first")
        yield Facts(id="devices")
        yield Facts(id="hubs")
        yield Facts(id="good-for")
        yield PlainStatic(id="notes")

    def keys(self) -> Sequence[Key]:
        return [
            Key("enter", "next", "next"),
            Key("esc", "back", "back"),
            Key("r", "look_again", "again"),
            Key("l", "language", "app.language"),
            Key("?", "help", "help"),
        ]

    def fill(self) -> None:
        self._tell("devices", ("", Content.styled(say("view.hardware.looking"), "$quiet")))
        if self.machine:
            self._tell_machine(self.machine)
        else:
            self.errand(self.window.machine, self._tell_machine)
        self._tell("hubs", (say("view.hardware.hub"), "..."))
        self.errand(self.desk.hubs, self._tell_hubs, lambda _: None)
        self.errand(
            lambda: (self.window.offers(self.draft.task, leading=True), self.desk.catalog()),
            self._tell_use,
            lambda _: None,
        )

    def _tell(self, part: str, *rows: Fact) -> None:
        self.query_one(f"#{part}", Facts).tell(rows)

    def _tell_machine(self, machine: Machine) -> None:
        self.machine = machine
        self._tell("devices", *self._gpus(machine), *self._host(machine))
        notes = [Content.styled(text, "$warning") for text in warnings(machine)]
        self.query_one("#notes", PlainStatic).update(Content("\n").join(notes))

    def _gpus(self, machine: Machine) -> Iterator[Fact]:
        if not machine.gpus:
            yield "GPU", Content.styled(say("view.hardware.no_gpu"), "$warning")
        for gpu in machine.gpus:
            yield f"GPU {gpu.index}", Content.styled(gpu.name, "bold")
            yield "", Content.assemble(*memory_bar(gpu), "  ", gpu_memory(gpu))
            yield "", Content.styled(gpu_build(gpu, machine), "$quiet")

    def _host(self, machine: Machine) -> Iterator[Fact]:
        cpu = machine.cpu
        cores = say("view.hardware.cores", n=cpu.cores)
        able = "  ".join(skills(cpu.flags))
        yield "CPU", Content.assemble((cpu.name, "bold"), "  ", cores, "  ", (able, "$quiet"))
        free, total = gib(machine.ram_free_bytes), gib(machine.ram_bytes)
        yield say("view.hardware.ram"), say("view.hardware.free_of", free=free, total=total)
        for disk in machine.disks[:NAMED]:
            yield say("view.hardware.disk"), disk_text(disk)

    def _tell_hubs(self, seconds: Mapping[str, float | None]) -> None:
        told = [hub_text(hub, answered) for hub, answered in seconds.items()]
        text = say("view.comma").join(told) or say("view.hardware.hub_offline")
        self._tell("hubs", (say("view.hardware.hub"), text))

    def _tell_use(self, answer: tuple[tuple[Verdict, ...], Catalog]) -> None:
        self.verdicts, catalog = answer
        task = self.draft.task  # all recipes are judged while this is read
        self.errand(lambda: self.window.offers(task), lambda _: None, lambda _: None)
        served = [verdict for verdict in self.verdicts if verdict.recommended and verdict.task == "serve"]
        best = served or largest_that_fit(self.verdicts, catalog)
        if not best:
            self._tell("good-for", ("", Content.styled(say("view.hardware.good_for_nothing"), "$error")))
            return
        names = [good_for(verdict, catalog) for verdict in best]
        self._tell("good-for", (say("view.hardware.good_for"), say("view.comma").join(names)))

    def action_next(self) -> None:
        if self.machine:
            from wizard.view.screens.recipe import RecipeStep

            self.app.push_screen(RecipeStep())

    def action_again(self) -> None:
        self.machine = None
        self.window.look_again()
        self.fill()


def good_for(verdict: Verdict, catalog: Catalog) -> str:
    model = catalog.models[verdict.model].title
    if not catalog.methods[verdict.method].trains:
        return say("view.hardware.good_served", model=model)
    return say("view.hardware.good", model=model, method=catalog.methods[verdict.method].title)


def skills(flags: Sequence[str]) -> list[str]:
    """Of a processor's abilities those that decide how fast it trains."""
    found = [[title for start, title in kin if any(flag.startswith(start) for flag in flags)] for kin in SKILLS]
    return [titles[0] for titles in found if titles]


def memory_bar(gpu: Gpu) -> list[Part]:
    used = round(BAR * (gpu.total_bytes - gpu.free_bytes) / max(gpu.total_bytes, 1))
    return [("[", "$quiet"), ("#" * used, "$warning"), ("." * (BAR - used), "$rule"), ("]", "$quiet")]


def gpu_memory(gpu: Gpu) -> str:
    return say("view.hardware.free_of", free=gib(gpu.free_bytes), total=gib(gpu.total_bytes))


def gpu_build(gpu: Gpu, machine: Machine) -> str:
    parts = []
    if gpu.compute_capability:
        parts.append("sm_{}{}".format(*gpu.compute_capability))
    if machine.driver:
        parts.append(say("view.hardware.driver", driver=machine.driver))
    if machine.cuda:
        parts.append("CUDA {}.{}".format(*machine.cuda))
    return "  ".join(parts)


def disk_text(disk: Disk) -> str:
    text = say("view.hardware.disk_free", free=gb(disk.free_bytes), path=disk.path)
    kind = say(f"disk.{disk.kind}")
    speed = f"  {gb(disk.bytes_per_second)}/s" if disk.bytes_per_second else ""
    return f"{text}  {kind}{speed}"


def hub_text(hub: str, seconds: float | None) -> str:
    if seconds is None:
        return say("view.hardware.hub_silent", hub=say(f"hub.{hub}"))
    return say("view.hardware.hub_answers", hub=say(f"hub.{hub}"), seconds=f"{seconds:.1f}")


def warnings(machine: Machine) -> Iterator[str]:
    for gpu in machine.gpus:
        for user in gpu.users:
            used = gib(user.used_bytes) if user.used_bytes is not None else "?"
            yield say("view.hardware.user", used=used, name=user.name, pid=user.pid)
    for fault in machine.problems:
        words = telling.told(fault)
        yield telling.sentence(words["what"], words["next"])


def largest_that_fit(verdicts: Sequence[Verdict], catalog: Catalog) -> list[Verdict]:
    """For each method that leads, the largest model that fits and, if any does, ends within a night."""
    best: dict[str, Verdict] = {}
    fitting = [v for v in verdicts if v.status == "fits" and leads(catalog.recipes[v.recipe])]
    for verdict in [v for v in fitting if v.seconds <= NIGHT] or fitting:
        size = catalog.models[verdict.model].params
        held = best.get(verdict.method)
        if held is None or size > catalog.models[held.model].params:
            best[verdict.method] = verdict
    return sorted(best.values(), key=lambda v: -catalog.models[v.model].params)[:NAMED]
