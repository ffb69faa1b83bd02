from __future__ import annotations

import json
from dataclasses import replace

from wizard.contract import Choice, Cpu, Disk, Gpu, GpuUser, Machine, Plan, Problem, Remedy, Term, Verdict
from wizard.journal import RunFolder, freeze, read_plan, thaw, write_plan


def test_a_plan_comes_back_equal(folder: RunFolder, plan: Plan) -> None:
    forecast = replace(
        plan.forecast,
        terms=(Term(label="weights", bytes=5, formula="p*2"),),
        reason=Problem(code="too-big", params={"gib": 6.6}),
        remedies=(Remedy(code="cards", params={"n": 2}),),
        gave_up=({"micro_batch": 1},),
    )
    full = replace(plan, forecast=forecast, gpus=(0, 1), lib="abc")
    write_plan(folder.plan, full)
    again = read_plan(folder.plan)
    assert again == replace(full, stages=again.stages)
    assert again.stages[2].rungs == ({}, {"micro_batch": 1})


def test_a_machine_comes_back_equal() -> None:
    machine = Machine(
        gpus=(
            Gpu(
                index=0,
                name="x",
                uuid="u",
                total_bytes=2,
                free_bytes=1,
                compute_capability=(8, 9),
                users=(GpuUser(pid=1, name="p", used_bytes=None),),
            ),
        ),
        cpu=Cpu(name="c", cores=2, arch="x86_64", flags=("avx2",)),
        ram_bytes=1,
        ram_free_bytes=1,
        disks=(Disk(path="/", free_bytes=1, total_bytes=2, kind="local", bytes_per_second=3.0),),
        cuda=(13, 0),
        problems=(Problem(code="p"),),
    )
    assert thaw(Machine, json.loads(json.dumps(freeze(machine)))) == machine


def test_unknown_keys_are_left_out_and_missing_ones_get_their_defaults() -> None:
    assert thaw(Cpu, {"name": "c", "cores": 2, "arch": "x", "newer": 1}) == Cpu(name="c", cores=2, arch="x")


def test_whole_numbers_become_floats_where_the_type_says_so(plan: Plan) -> None:
    choice = thaw(Choice, {**freeze(plan.choice), "knobs": {"epochs": 3, "targets": ["q", "v"]}})
    assert isinstance(choice.knobs.epochs, float)
    assert choice.knobs.targets == ("q", "v")


def test_a_verdict_survives_numbers_json_cannot_hold(plan: Plan) -> None:
    text = json.dumps(freeze(replace(plan.forecast, seconds=float("inf"))), allow_nan=False)
    assert thaw(Verdict, json.loads(text)).seconds is None
