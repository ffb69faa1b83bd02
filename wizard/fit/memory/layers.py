"""The layers of a step, each kind recorded once: how they compute, and which of them learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from wizard.contract import Architecture
from wizard.fit.memory import held
from wizard.fit.memory.step import BLOCKS, Step
from wizard.fit.reading import tuned
from wizard.fit.reading.shape import adapted, layer_groups
from wizard.fit.recording import habits
from wizard.fit.recording.decoder import Modules, Record, layer
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.tape import Size

Group = tuple[int, Modules, Mode]  # how many layers are alike, what is in them, how they compute


class Alike(NamedTuple):
    times: int
    record: Record
    rests: bool  # nothing in it is trained, though the whole model is


def mode_of(step: Step) -> Mode:
    """Of every layer: what an adapter stands beside, and whether a window is shorter, each layer knows itself."""
    a, number = step.architecture, held.number_of(step)
    return Mode(
        weight=held.trained_number(step) if step.tuner in BLOCKS else number,  # the layers that learn hold most
        compute=2 if step.mixed or number == 2 else 4,
        mixed=step.mixed and not held.halved(step),  # DeepSpeed computes without autocast
        adapter=0 if step.trains_all else held.adapter_number(step),
        tuner=step.tuner if step.tuner not in BLOCKS else "",
        rank=step.rank,
        bits=held.bits(step),
        unpacked=step.base == "gptq",
        compiled=step.compiled,
        float8=step.float8,
        dora=step.dora,
        dropout=step.lora_dropout > 0,
        eager=step.attention == "eager" or (step.attention != "flash" and a.kind in habits.EAGER),
        capped=a.kind in habits.CAPPED_LOGITS,
        alibi=a.kind == "bloom",
        sinks=a.kind == "gpt_oss",
        norm=4 if step.kbit_prepare and not held.halved(step) else number,
        plain_tiles=step.cpu,
    )


def records_of(step: Step) -> list[Alike]:
    a, mode, stream = plain(step.architecture), mode_of(step), stream_of(step)
    records = []
    for count, modules, each in learning(step, list(layers_of(step, mode))):
        record = layer(a, modules, each, checkpointing=step.checkpointing, stream=stream)
        records.append(Alike(count, record, step.trains_all and not each.trains_all))
    return records


def kept_by(records: Iterable[Alike]) -> Size:
    """What all layers keep for their backward."""
    found = Size()
    for count, record, _ in records:
        found = found.plus(record.kept, count)
    return found


def stream_of(step: Step) -> int:
    """Bytes of a number between layers."""
    if held.halved(step):
        return 2
    widened = step.mixed and step.architecture.kind in habits.NORMED_EMBEDDING
    return 4 if step.kbit_prepare or widened else held.number_of(step)


@cache
def plain(a: Architecture) -> Architecture:
    """Models whose layers are of one shape share their recordings, whatever they are called and how many they are."""
    named = replace(a, family="", kind=habits.like(a.kind), tied=False, bias=(), tower=None)
    return replace(
        named, layers=1, vocab=0, window=0, window_layers=0, dense_layers=0, other_params=0, learned_positions=0
    )


def windowed(step: Step) -> bool:
    """FlashAttention has windows of its own; other kernels are given a mask."""
    a = step.architecture
    return bool(a.window_layers) and step.seq_len >= a.window and step.attention != "flash"


def layers_of(step: Step, mode: Mode) -> Iterator[Group]:
    a, targets = step.architecture, tuned.scaled(step.tuner, tuple(sorted(step.targets)))
    for count, modules in layer_groups(a):
        own = mode if step.trains_all else mode._replace(targets=adapted(a, modules, targets))
        near = round(count * a.window_layers / a.layers) if windowed(step) else 0
        for each, masked in ((near, True), (count - near, False)):
            if each:
                yield each, modules, own._replace(windowed=masked)


def learning(step: Step, groups: list[Group]) -> Iterator[Group]:
    """Where a few layers learn they are of the most frequent kind; through others gradients pass, or nothing does: then
    nothing of them is kept, but for their input where it is a checkpoint."""
    few, below = held.learning(step), 0 if step.checkpointing else held.asleep(step)
    most = max(groups, key=lambda group: group[0]) if few < step.architecture.layers else None
    for group in groups:
        count, modules, mode = group
        if most is None:
            yield group
            continue
        awake = min(few, count) if group is most else 0
        passing = count - awake - min(below, count - awake)
        below -= count - awake - passing
        for each, own in ((awake, mode), (passing, mode._replace(adapter=2))):
            if each:
                yield each, modules, own
