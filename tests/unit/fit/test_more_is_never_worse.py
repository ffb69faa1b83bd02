from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.fit.machines import CATALOG, GIB, PAIRS, RANK, machines
from wizard.contract import Machine
from wizard.fit import judge

EXAMPLES = 300
MORE = ("free memory", "RAM", "disk", "one more card")


def grown(machine: Machine, what: str, by: int, which: int) -> Machine:
    """With more of one thing: so many GiB of RAM or on a card, GB of disk; or one more card alike."""
    if what == "RAM":
        return replace(machine, ram_free_bytes=machine.ram_free_bytes + by * GIB, ram_bytes=10**13)
    if what == "disk":
        disk = machine.disks[0]
        return replace(machine, disks=(replace(disk, free_bytes=disk.free_bytes + by * 10**9),))
    if not machine.gpus:
        return machine
    chosen = machine.gpus[which % len(machine.gpus)]
    if what == "free memory":
        more = replace(chosen, free_bytes=chosen.free_bytes + by * GIB, total_bytes=chosen.total_bytes + by * GIB)
        return replace(machine, gpus=tuple(more if gpu is chosen else gpu for gpu in machine.gpus))
    one = replace(chosen, index=len(machine.gpus), uuid="GPU-more")
    return replace(machine, gpus=(*machine.gpus, one))


@settings(max_examples=EXAMPLES, deadline=None)
@given(machines(), st.sampled_from(PAIRS), st.sampled_from(MORE), st.integers(1, 150), st.integers(0, 7))
def test_a_status_never_falls_where_a_machine_grows(
    machine: Machine, pair: tuple[str, str], what: str, by: int, which: int
) -> None:
    small = judge(machine, CATALOG, *pair, terms=False)
    large = judge(grown(machine, what, by, which), CATALOG, *pair, terms=False)
    assert RANK[large.status] >= RANK[small.status], (small.reason, large.reason, large.also)


@settings(max_examples=EXAMPLES, deadline=None)
@given(machines(), st.sampled_from(PAIRS), st.sampled_from(MORE), st.integers(1, 150), st.integers(0, 7))
def test_nor_with_knobs_that_were_chosen(
    machine: Machine, pair: tuple[str, str], what: str, by: int, which: int
) -> None:
    knobs = judge(machine, CATALOG, *pair, terms=False).knobs
    small = judge(machine, CATALOG, *pair, knobs, terms=False)
    large = judge(grown(machine, what, by, which), CATALOG, *pair, knobs, terms=False)
    assert RANK[large.status] >= RANK[small.status], (small.reason, large.reason, large.also)
