"""Twenty micro-steps of the training to come, on its longest rows, measured. The train stage runs it as a process of
its own before it loads anything, so that nothing of it is left: no weights, no optimizer state, no random numbers.

python -m wizard.stages.rehearse RUN/03-train/rehearsal
cat RUN/03-train/rehearsal/done.json
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, islice
from typing import Any

from wizard.stages import generator
from wizard.stages.crew import Crew
from wizard.stages.desk import Bench, run
from wizard.stages.sharing import accumulation, cards_of, several
from wizard.tuners.unsloth import come_first

MICRO_STEPS = 20
ACCUMULATE = 4  # at most: gradients wait beside activations as they will, and the optimizer steps often enough


def work(bench: Bench) -> None:
    if several(bench.order.knobs) or generator.wanted(bench.order):
        with generator.up(bench) as beside:
            Crew(bench, "rehearse", beside=beside).wait()
    else:
        measure(bench)


def measure(bench: Bench) -> None:
    """Of several cards the first is measured: all of them hold as much."""
    bench.phase("load-libraries")
    come_first(bench.order.spec["method"])
    from wizard.stages.meters import meter_of
    from wizard.stages.prepared import lengths_of, picked
    from wizard.stages.train import make

    order = bench.order
    from wizard.stages.pace import Pace

    accumulate = kept(accumulation(order.knobs))
    pace = Pace(bench, meter_of(order.spec["device"]), MICRO_STEPS)
    prepared = order.input("prepare", "rows")
    lengths = lengths_of(prepared, int(order.knobs["seq_len"]))
    rows = picked(prepared, longest_rows(lengths, order.knobs), int(order.knobs["seq_len"]))
    steps = MICRO_STEPS // accumulate
    changes = {
        "gradient_accumulation_steps": accumulate,
        "max_steps": steps,
        "save_strategy": "no",
        "train_sampling_strategy": "sequential",
    }
    trainer = make(bench, bench.folder / "checkpoints", pace, rows=rows, **changes)
    bench.phase("rehearse")
    accumulate = trainer.args.gradient_accumulation_steps  # more where a step learns from whole groups of answers
    pace.total = steps * accumulate
    trainer.train()
    reading, micro_step = pace.meter.read(), pace.step_seconds / accumulate
    result = {
        "longest": longest(lengths, order.knobs),
        "peak_bytes": reading.allocated,
        "reserved_bytes": reading.reserved,
        "card_bytes": reading.card,
        "left_bytes": reading.left,
        "micro_step_seconds": round(micro_step, 5),
        "seconds_per_step": round(micro_step * max(accumulate, accumulation(order.knobs)), 4),
    }
    bench.finish({}, result)


def kept(wanted: int) -> int:
    """So that a whole number of steps makes up the rehearsal."""
    return next(number for number in (ACCUMULATE, 2, 1) if number <= wanted)


def longest(lengths: Sequence[int], knobs: Mapping[str, Any]) -> int:
    """Tokens of the longest row that a micro-batch is padded to; packed ones are full."""
    limit = int(knobs["seq_len"])
    return limit if knobs["packing"] else min(limit, int(max(lengths)))


def longest_rows(lengths: Sequence[int], knobs: Mapping[str, Any]) -> list[int]:
    """Places of the longest rows twice over: without optimizer states, then with them, the longest batch leading."""
    ordered = sorted(range(len(lengths)), key=lambda place: lengths[place], reverse=True)
    batch = int(knobs["micro_batch"]) * cards_of(knobs)
    if knobs["packing"]:
        return list(until(cycle(ordered), lengths, MICRO_STEPS * batch * int(knobs["seq_len"])))
    return 2 * list(islice(cycle(ordered), MICRO_STEPS // 2 * batch))


def until(places: Iterable[int], lengths: Sequence[int], tokens: int) -> Iterable[int]:
    for place in places:
        if tokens <= 0:
            return
        tokens -= int(lengths[place])
        yield place


if __name__ == "__main__":
    run(work)
