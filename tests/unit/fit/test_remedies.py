"""What is advised is true: whoever does it, and all that stands beside it, is not told `no` again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.fit.machines import CATALOG, GIB, PAIRS, card, machine, machines
from wizard import words
from wizard.contract import Catalog, Disk, Gpu, Machine, Remedy, Verdict
from wizard.detect import pretend
from wizard.fit import CARDS_GIB, Known, digest_of, judge, offers
from wizard.fit.offering.recipe_step import Case, step_of

MachineWith = Callable[..., Machine]
INFORMS = {"no-card-is-big-enough"}
GRANTED = {"560": (12, 6), "525": (12, 0), "580": (13, 0)}


def of_size(gpu: Gpu, gib: int) -> Gpu:
    return replace(gpu, total_bytes=gib * GIB, free_bytes=int(gib * GIB * 0.96), reserved_bytes=None, unified=False)


def numbered(gpu: Gpu, count: int) -> tuple[Gpu, ...]:
    return tuple(replace(gpu, index=index, uuid=f"new-{index}") for index in range(count))


def after(here: Machine, verdict: Verdict, remedy: Remedy) -> Machine:
    """The machine of somebody who has done so."""
    p = remedy.params
    used = [gpu for gpu in here.gpus if gpu.index in verdict.gpus]
    if remedy.code == "more-ram":
        return replace(here, ram_free_bytes=p["needed_bytes"], ram_bytes=10**13)
    if remedy.code == "more-disk":
        return replace(here, disks=(replace(here.disks[0], free_bytes=p["needed_bytes"]), *here.disks[1:]))
    if remedy.code == "other-disk":
        return replace(here, disks=tuple(disk for disk in here.disks if disk.path == p["path"]))
    if remedy.code == "newer-driver":
        return replace(here, driver=p["needed"], cuda=GRANTED[p["needed"]])
    if remedy.code == "install":
        return replace(here, tools=("cc", "c++", "python-headers"))
    if remedy.code == "other-python":
        return replace(here, pythons={p["needed"]: "/python"})
    if remedy.code == "free-the-card":
        empty = [replace(gpu, free_bytes=gpu.total_bytes - (gpu.reserved_bytes or 0)) for gpu in used]
        return replace(here, gpus=tuple(empty))
    if remedy.code == "more-cards":
        return replace(here, gpus=numbered(min(used, key=lambda gpu: gpu.free_bytes), p["cards"]))
    if remedy.code == "bigger-cards":
        here = here if used else replace(here, driver="580", cuda=(13, 0))
        return replace(here, gpus=numbered(of_size((used or [card("a100-80g", 0)])[0], p["gib"]), p["cards"]))
    if remedy.code in ("newer-card", "newer-cards"):
        major, minor = p["capability"].split(".")
        newer = replace(of_size(used[0], p["gib"]), compute_capability=(int(major), int(minor)))
        return replace(here, gpus=numbered(newer, p["cards"]))
    if remedy.code == "bigger-card":
        if not used:
            return replace(here, gpus=(of_size(card("a100-80g", 0), p["gib"]),), driver="580", cuda=(13, 0))
        return replace(here, gpus=tuple(of_size(gpu, p["gib"]) for gpu in used))
    return here


def done(here: Machine, catalog: Catalog, verdict: Verdict, remedy: Remedy, **more: Any) -> Verdict:
    p, knobs, recipe, model = remedy.params, None, verdict.recipe, verdict.model
    if remedy.code in ("other-method", "more-cards"):
        recipe = p["recipe"]
    elif remedy.code == "smaller-model":
        model = p["model"]
    elif remedy.code in ("smaller-batch", "shorter-sequence"):
        knobs = replace(verdict.knobs, **p)
    elif remedy.code == "checkpointing":
        knobs = replace(verdict.knobs, grad_ckpt=True)
    for each in (remedy, *remedy.beside):  # what was done before may have brought another card into use
        here = after(here, verdict, each)
        verdict = judge(here, catalog, recipe, model, knobs, terms=False, **more)
    return verdict


def assert_true(here: Machine, catalog: Catalog, verdict: Verdict) -> None:
    assert verdict.remedies, verdict.reason
    for remedy in verdict.remedies:
        if remedy.code not in INFORMS:
            then = done(here, catalog, verdict, remedy)
            assert then.status != "no", (verdict.reason, verdict.also, remedy, then.reason, then.also)
        for language in words.LANGUAGES:
            assert "?" not in words.remedy(remedy, language)


@settings(max_examples=200, deadline=None)
@given(machines(), st.sampled_from(PAIRS))
def test_what_is_advised_lifts_the_no(here: Machine, pair: tuple[str, str]) -> None:
    verdict = judge(here, CATALOG, *pair)
    assert (verdict.status == "no") == (verdict.reason is not None) == bool(verdict.remedies)
    if verdict.reason:
        assert_true(here, CATALOG, verdict)


PROFILES = sorted({"cpu", *CATALOG.boards})
APART = 31  # of the pairs that one board is asked about; together they are asked about all


@pytest.mark.parametrize("name", PROFILES)
def test_on_every_board_a_no_has_a_reason_and_a_remedy(name: str, catalog: Catalog) -> None:
    here = pretend(name, catalog.boards, machine([], 64 * GIB, 10**12))
    for recipe, model in PAIRS[PROFILES.index(name) % APART :: APART]:
        verdict = judge(here, catalog, recipe, model)
        assert (verdict.status == "no") == (verdict.reason is not None) == bool(verdict.remedies), verdict


def ways(verdict: Verdict) -> dict[str, dict[str, Any]]:
    return {remedy.code: dict(remedy.params) for remedy in verdict.remedies}


def beside(verdict: Verdict, code: str) -> list[str]:
    return next([each.code for each in remedy.beside] for remedy in verdict.remedies if remedy.code == code)


def test_a_card_that_is_too_old_is_told_which_one_would_do(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("gtx-1080-ti"), catalog, "sft-lora", "qwen3-4b")
    assert verdict.reason and verdict.reason.params["needed"] == "7.0"
    assert ways(verdict)["newer-card"]["capability"] == "7.0"


@pytest.mark.parametrize(("board", "needed"), [("rtx-4090", "525"), ("gb10", "580")])
def test_a_driver_that_is_too_old_is_told_the_one_that_would_do(
    catalog: Catalog, machine_with: MachineWith, board: str, needed: str
) -> None:
    old = machine_with(board, "470.82", (11, 4))
    old = replace(old, cpu=replace(old.cpu, arch="aarch64" if board == "gb10" else "x86_64"))
    verdict = judge(old, catalog, "sft-lora", "qwen3-0.6b")
    assert ways(verdict)["newer-driver"] == {"needed": needed}


def test_an_old_driver_under_an_old_card_is_told_both(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("gtx-1060-6g", "470.82", (11, 4)), catalog, "sft-lora", "qwen3-4b")
    assert ways(verdict)["newer-driver"] == {"needed": "525"}
    assert beside(verdict, "newer-driver") == ["newer-card"]


def test_several_cards_are_advised_where_a_recipe_uses_them_and_never_more_than_eight(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    for verdict in offers(machine_with("t4"), catalog):
        advice = ways(verdict).get("more-cards")
        assert not advice or (verdict.task in ("sft", "serve") and advice["cards"] in (2, 4, 8))
    assert "more-cards" in ways(judge(machine_with("t4"), catalog, "sft-lora", "qwen3-14b"))


def test_a_recipe_for_several_cards_asks_for_as_many_as_hold_it(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("rtx-4090"), catalog, "sft-lora-zero3", "qwen2.5-32b")
    assert verdict.reason and verdict.reason.code == "needs-cards"
    assert ways(verdict)["more-cards"]["cards"] == 4
    assert not {"bigger-card", "bigger-cards"} & ways(verdict).keys()


def test_what_else_is_short_is_told_with_the_card(catalog: Catalog, machine_with: MachineWith) -> None:
    poor = replace(
        machine_with("t4"),
        ram_free_bytes=8 * GIB,
        disks=(Disk(path="/", free_bytes=20 * 10**9, total_bytes=10**12, kind="local"),),
    )
    verdict = judge(poor, catalog, "sft-lora", "qwen3-14b")
    assert verdict.reason and verdict.reason.code == "short-of-memory-cuda"
    assert {reason.code for reason in verdict.also} == {"short-of-ram", "short-of-disk"}
    assert set(beside(verdict, "bigger-card")) == {"more-ram", "more-disk"}


def test_a_card_that_is_bought_holds_it_with_the_margin(catalog: Catalog, machine_with: MachineWith) -> None:
    for verdict in offers(machine_with("rtx-3060-12g"), catalog, "sft"):
        for remedy in verdict.remedies:
            if remedy.code in ("bigger-card", "more-cards"):
                assert done(machine_with("rtx-3060-12g"), catalog, verdict, remedy).status == "fits"


def test_a_remedy_goes_by_what_was_simulated_as_the_verdict_does(catalog: Catalog, machine_with: MachineWith) -> None:
    here = machine_with("rtx-4090")
    plain = judge(here, catalog, "sft-lora", "qwen2.5-7b", terms=False)
    recipe = catalog.recipes["sft-lora"]
    case = Case(
        model=catalog.models["qwen2.5-7b"],
        method=catalog.methods[recipe.method],
        knobs=plain.knobs,
        device="cuda",
        board=catalog.boards["rtx-4090"],
    )
    known = Known(simulated={digest_of(step_of(case)): 60 * GIB})
    verdict = judge(here, catalog, "sft-lora", "qwen2.5-7b", plain.knobs, known=known)
    assert (verdict.status, verdict.basis) == ("no", "simulated")
    assert ways(verdict)["bigger-card"]["gib"] == next(
        gib for gib in CARDS_GIB if gib * GIB * 0.96 > verdict.safe_bytes
    )
