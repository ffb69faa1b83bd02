"""What this machine has, in words, and what that is good for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from wizard.contract import Catalog, Disk, Gpu, Machine, Verdict
from wizard.view import telling
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, PlainStatic
from wizard.words import say
from wizard.words.units import gb, gib

Part = str | tuple[str, str]
BAR = 20
LABEL = 7
NAMED = 3


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
        yield PlainStatic(id="devices")
        yield PlainStatic(id="hubs")
        yield PlainStatic(id="good-for")
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
        self.query_one("#devices", PlainStatic).show((say("view.hardware.looking"), "$quiet"))
        if self.machine:
            self._tell_machine(self.machine)
        else:
            self.errand(self.window.machine, self._tell_machine)
        self.query_one("#hubs", PlainStatic).update(row(say("view.hardware.hub"), "...", "$quiet"))
        self.errand(self.desk.hubs, self._tell_hubs, lambda _: None)
        self.errand(lambda: (self.window.offers(""), self.desk.catalog()), self._tell_use, lambda _: None)

    def _tell_machine(self, machine: Machine) -> None:
        self.machine = machine
        lines = [*self._gpus(machine), *self._host(machine)]
        self.query_one("#devices", PlainStatic).update(Content("\n").join(lines))
        notes = [Content.styled(text, "$warning") for text in warnings(machine)]
        self.query_one("#notes", PlainStatic).update(Content("\n").join(notes))

    def _gpus(self, machine: Machine) -> Iterator[Content]:
        if not machine.gpus:
            yield row("GPU", say("view.hardware.no_gpu"), "$warning")
        for gpu in machine.gpus:
            yield row(f"GPU {gpu.index}", gpu.name, "bold")
            yield Content.assemble(indent(), *memory_bar(gpu), "  ", gpu_memory(gpu))
            yield Content.assemble(indent(), (gpu_build(gpu, machine), "$quiet"))

    def _host(self, machine: Machine) -> Iterator[Content]:
        cpu = machine.cpu
        yield row("CPU", cpu.name, "bold")
        flags = "  ".join(cpu.flags)
        yield Content.assemble(indent(), say("view.hardware.cores", n=cpu.cores), "  ", (flags, "$quiet"))
        free, total = gib(machine.ram_free_bytes), gib(machine.ram_bytes)
        yield row(say("view.hardware.ram"), say("view.hardware.free_of", free=free, total=total))
        for disk in machine.disks[:NAMED]:
            yield row(say("view.hardware.disk"), disk_text(disk))

    def _tell_hubs(self, seconds: Mapping[str, float | None]) -> None:
        told = [hub_text(hub, answered) for hub, answered in seconds.items()]
        text = say("view.comma").join(told) or say("view.hardware.hub_offline")
        self.query_one("#hubs", PlainStatic).update(row(say("view.hardware.hub"), text))

    def _tell_use(self, answer: tuple[tuple[Verdict, ...], Catalog]) -> None:
        self.verdicts, catalog = answer
        best = largest_that_fit(self.verdicts, catalog)
        good = self.query_one("#good-for", PlainStatic)
        if not best:
            good.show((say("view.hardware.good_for_nothing"), "$error"))
            return
        names = [
            say("view.hardware.good", model=catalog.models[v.model].title, method=catalog.methods[v.method].title)
            for v in best
        ]
        good.show((say("view.hardware.good_for"), "$success bold"), "  ", say("view.comma").join(names))

    def action_next(self) -> None:
        if self.machine:
            from wizard.view.screens.recipe import RecipeStep

            self.app.push_screen(RecipeStep())

    def action_again(self) -> None:
        self.machine = None
        self.window.look_again()
        self.fill()


def row(label: str, text: str, style: str = "") -> Content:
    return Content.assemble((set_cell_size(label, LABEL), "$secondary bold"), (text, style))


def indent() -> str:
    return " " * LABEL


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
    """For each method, the largest model that fits; the largest first."""
    best: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict.status != "fits":
            continue
        size = catalog.models[verdict.model].params
        held = best.get(verdict.method)
        if held is None or size > catalog.models[held.model].params:
            best[verdict.method] = verdict
    return sorted(best.values(), key=lambda v: -catalog.models[v.model].params)[:NAMED]
