"""Gauges of a run: processor, memory against its forecast, pace, learning rate, last checkpoint."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import Vertical

from wizard.contract import Plan, RunState
from wizard.view import telling
from wizard.view.widgets.gauge import Gauge
from wizard.view.widgets.plain import PlainStatic
from wizard.words import say
from wizard.words.units import gb, gib, seconds


class Instruments(Vertical):
    def compose(self) -> ComposeResult:
        yield Gauge(id="busy")
        yield Gauge(id="memory-used")
        yield PlainStatic(id="readings")

    def tell(self, plan: Plan, state: RunState) -> None:
        """Of the stage that is going on: where it computes, what it was forecast to hold."""
        stage = next((stage for stage in plan.stages if stage.name == state.stage), plan.stages[0])
        meter, busy, memory = state.meter, self.query_one("#busy", Gauge), self.query_one("#memory-used", Gauge)
        card = f"gpu{next(training(plan))}_" if plan.gpus and telling.on_card(plan, stage) else ""
        percent = meter.get(f"{card}percent" if card else "cpu_percent", 0.0)
        heat = [f"{meter[card + 'celsius']:.0f} C"] if card and card + "celsius" in meter else []
        heat += [f"{meter[card + 'watts']:.0f} W"] if card and card + "watts" in meter else []
        busy.tell("GPU" if card else "CPU", percent / 100, "  ".join([f"{percent:.0f} %", *heat]))
        used = meter.get(f"{card}used_bytes" if card else "rss_bytes", 0.0)
        held = state.forecast.get("card_bytes", plan.forecast.card_bytes)
        forecast = held if stage.name == "train" else stage.memory_bytes
        text = say("view.watch.memory", used=gib(used, unit=False), forecast=gib(forecast))
        room = plan.forecast.capacity_bytes if card or plan.device == "cpu" else used + meter.get("ram_free_bytes", 0.0)
        memory.tell(say("view.watch.card_mem" if card else "view.watch.mem"), used / max(room, 1), text)
        self.query_one("#readings", PlainStatic).update("\n".join(readings(state)))


def training(plan: Plan) -> Iterator[int]:
    """The cards that do not write answers for the others."""
    writes = plan.forecast.generator.gpus if plan.forecast.generator else ()
    yield from (gpu for gpu in plan.gpus if gpu not in writes)


def readings(state: RunState) -> Iterator[str]:
    values, meter = state.latest if state.stage == "train" else {}, state.meter
    if values.get("tokens_per_second") is not None:
        step = values.get("step_seconds")
        pace = f"  {say('view.watch.step', time=f'{step:.2g}')}" if step else ""
        yield f"{values['tokens_per_second']:,.0f} {say('view.watch.tokens')}{pace}"
    if values.get("learning_rate") is not None:
        grad = f"  {say('metric.grad_norm')} {values['grad_norm']:.2g}" if values.get("grad_norm") is not None else ""
        yield f"{say('metric.learning_rate')} {values['learning_rate']:.2g}{grad}"
    if values and state.checkpoint_step:
        ago = seconds(state.updated - state.checkpoint_at)
        yield say("view.watch.checkpoint", step=state.checkpoint_step, ago=ago)
    free = [f"{say('view.watch.ram_free')} {gib(meter['ram_free_bytes'])}"] if "ram_free_bytes" in meter else []
    free += [f"{say('view.watch.disk_free')} {gb(meter['disk_free_bytes'])}"] if "disk_free_bytes" in meter else []
    yield from free
    if state.started:
        yield say("view.watch.running_for", time=seconds(state.updated - state.started))
