"""Offers of a goal that trains nothing: the server has to fit, with its cache at the context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wizard.contract import Catalog, Disk, Format, Machine, Verdict
from wizard.detect import pretend
from wizard.fit import judge, offers
from wizard.fit.offering.cards import PARTS, parted
from wizard.fit.offering.setting import Seen

GIB = 1024**3
MachineWith = Callable[..., Machine]


def term(verdict: Verdict, label: str) -> int:
    return sum(each.bytes for each in verdict.terms if each.label == label)


@pytest.mark.parametrize("board", ["", "rtx-4090"])
def test_the_terms_are_weights_cache_and_engine_and_sum_to_what_is_needed(
    catalog: Catalog, laptop: Machine, machine_with: MachineWith, board: str
) -> None:
    verdict = judge(machine_with(board) if board else laptop, catalog, "serve", "qwen3-0.6b")
    assert verdict.status == "fits"
    assert sum(each.bytes for each in verdict.terms) == verdict.card_bytes
    assert {"weights", "cache", "batch", "context" if board else "program"} <= {each.label for each in verdict.terms}
    assert verdict.engines["serve"] == ("vllm" if board else "vllm-cpu")
    assert "train" not in verdict.engines
    assert verdict.stage_memory["serve"] == verdict.card_bytes


def test_the_cache_grows_with_the_context_and_the_conversations(catalog: Catalog, machine_with: MachineWith) -> None:
    card = machine_with("h100-sxm")
    first = judge(card, catalog, "serve", "qwen3-8b")
    half = judge(card, catalog, "serve", "qwen3-8b", replace(first.knobs, seq_len=first.knobs.seq_len // 2))
    fewer = judge(card, catalog, "serve", "qwen3-8b", replace(first.knobs, micro_batch=2))
    assert (first.knobs.seq_len, first.knobs.micro_batch) == (32768, 4)
    assert term(half, "cache") * 2 == term(first, "cache") == term(fewer, "cache") * 2 == first.cache_bytes
    assert term(half, "weights") == term(first, "weights")


def test_where_a_context_does_not_fit_the_longest_that_does_is_offered(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    lengths = {}
    for board in ("rtx-3060-laptop-6g", "rtx-3090", "a100-80g"):
        verdict = judge(machine_with(board), catalog, "serve", "llama-2-7b")
        lengths[board] = verdict.knobs.seq_len if verdict.status != "no" else 0
        if verdict.status != "no":
            longer = judge(machine_with(board), catalog, "serve", "llama-2-7b", replace(verdict.knobs, micro_batch=8))
            assert longer.card_bytes > verdict.card_bytes
    assert lengths["rtx-3060-laptop-6g"] == 0
    assert 0 < lengths["rtx-3090"] <= lengths["a100-80g"] == catalog.models["llama-2-7b"].max_len
    small = judge(machine_with("rtx-4090"), catalog, "serve", "qwen3-8b")
    assert (small.status, small.gave_up[-1]["micro_batch"]) == ("fits", 1)


def test_a_context_that_a_person_asks_for_and_that_does_not_fit_says_which_would(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    card = machine_with("rtx-3090")
    asked = replace(catalog.recipes["serve"].knobs, seq_len=32768, micro_batch=16)
    verdict = judge(card, catalog, "serve", "qwen3-8b", asked)
    assert verdict.status == "no"
    assert verdict.reason and verdict.reason.code == "short-of-memory-cuda"
    assert verdict.reason.params["method"] == "BF16"
    ways = {remedy.code: remedy.params for remedy in verdict.remedies}
    assert ways["fewer-conversations"] == {"micro_batch": 1}
    assert judge(card, catalog, "serve", "qwen3-8b", replace(asked, **ways["fewer-conversations"])).status != "no"


def test_the_engine_named_first_serves_and_a_lighter_one_where_only_that_fits(
    catalog: Catalog, laptop: Machine
) -> None:
    tiny = replace(laptop, ram_free_bytes=3 * GIB)
    assert judge(laptop, catalog, "serve", "smollm2-135m").engines["serve"] == "vllm-cpu"
    lighter = judge(tiny, catalog, "serve", "smollm2-135m")
    assert (lighter.status, lighter.engines["serve"]) == ("fits", "transformers")


def test_a_machine_with_a_card_does_not_offer_minutes_of_waiting_on_its_processor(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    found = {verdict.model: verdict for verdict in offers(machine_with("rtx-4090"), catalog, "serve", terms=False)}
    big = found["qwen3-32b"]
    assert (big.status, big.device) == ("no", "cuda")
    assert all(verdict.device == "cuda" for verdict in found.values() if verdict.step_seconds > 0.25)


def test_without_a_card_a_small_one_is_recommended_although_larger_ones_fit(catalog: Catalog, laptop: Machine) -> None:
    found = offers(laptop, catalog, "serve", terms=False)
    assert found[0].recommended
    assert found[0].step_seconds <= 0.25
    fitting = [catalog.models[each.model].params for each in found if each.status != "no"]
    assert max(fitting) > catalog.models[found[0].model].params


def test_eight_bits_take_half_of_the_weights_and_the_cache_stays(catalog: Catalog, machine_with: MachineWith) -> None:
    card = machine_with("rtx-4090")
    whole = judge(card, catalog, "serve", "qwen3-4b")
    fp8 = Format(id="fp8", title={}, why={}, engine="trl", maker="compressed", bits=8.0)
    recipe = catalog.recipes["serve"]
    made = replace(recipe, engines={**recipe.engines, "quantise": ("trl",)})
    smaller = judge(
        card, replace(catalog, recipes={"serve": made}, formats={"fp8": fp8}), "serve", "qwen3-4b", whole.knobs
    )
    assert 0.5 < term(smaller, "weights") / term(whole, "weights") < 0.65
    assert term(smaller, "cache") == term(whole, "cache")


def test_a_machine_that_can_run_no_server_says_why(catalog: Catalog, laptop: Machine) -> None:
    verdict = judge(replace(laptop, pythons={}), catalog, "serve", "smollm2-135m")
    assert verdict.status == "no"
    assert verdict.reason and verdict.reason.code == "engine-needs-python"


def test_only_what_comes_with_a_package_is_made_in_ram(catalog: Catalog, laptop: Machine) -> None:
    roomy = replace(laptop, disks=(Disk(path="/", free_bytes=10**13, total_bytes=10**13, kind="local"),))
    assert judge(roomy, catalog, "serve", "smollm2-135m").stage_memory["fetch"] > 0
    assert judge(roomy, catalog, "serve", "qwen3-4b").stage_memory["fetch"] == 0


@pytest.fixture
def rack(catalog: Catalog, laptop: Machine) -> Callable[[str], Machine]:
    """A machine with so many cards of a board, and room for all that they need."""
    disk = Disk(path="/", free_bytes=10**13, total_bytes=10**13, kind="local")
    roomy = replace(laptop, ram_bytes=2048 * GIB, ram_free_bytes=2000 * GIB, disks=(disk,))
    return lambda boards: pretend(boards, catalog.boards, roomy)


@pytest.mark.parametrize(
    ("board", "model", "cards"),
    [
        ("rtx-4090x8", "qwen3-8b", 1),
        ("rtx-4090x8", "qwen3-14b", 2),
        ("rtx-4090x8", "qwen3-32b", 4),
        ("rtx-4090x8", "llama-3.3-70b", 8),
        ("a100-80gx8", "llama-3.3-70b", 2),
        ("a100-80gx3", "llama-3.3-70b", 2),
    ],
)
def test_what_one_card_does_not_hold_is_served_by_as_few_as_do(
    catalog: Catalog, rack: Callable[[str], Machine], board: str, model: str, cards: int
) -> None:
    verdict = judge(rack(board), catalog, "serve", model)
    assert (verdict.status, verdict.knobs.n_gpus, verdict.gpus) == ("fits", cards, tuple(range(cards)))
    assert sum(each.bytes for each in verdict.terms) == verdict.card_bytes
    weights = next(each for each in verdict.terms if each.label == "weights")
    assert weights.bytes == catalog.models[model].params * 2 // cards
    assert weights.formula.endswith(f" / {cards}") == (cards > 1)
    alone = judge(rack(board.partition("x8")[0].partition("x3")[0]), catalog, "serve", model)
    assert (alone.status == "no") == (cards > 1)


def test_what_no_team_here_holds_says_how_many_cards_would(catalog: Catalog, rack: Callable[[str], Machine]) -> None:
    for board, has in (("rtx-4090", 1), ("rtx-4090x2", 2)):
        verdict = judge(rack(board), catalog, "serve", "qwen3-32b")
        assert (verdict.status, verdict.knobs.n_gpus) == ("no", has)
        more = next(remedy for remedy in verdict.remedies if remedy.code == "more-cards")
        assert (more.params["cards"], more.params["recipe"]) == (4, "serve")
        there = judge(rack("rtx-4090x4"), catalog, "serve", "qwen3-32b")
        assert (there.knobs.n_gpus, there.safe_bytes) == (4, more.params["needed_bytes"])


@pytest.mark.parametrize(
    ("model", "counts"),
    [
        ("qwen2.5-7b", (1, 2, 4)),  # 28 heads
        ("qwen2.5-0.5b", (1, 2)),  # 14
        ("llama-3.1-8b", (1, 2, 4, 8, 16)),  # 8 heads of keys and values, which 16 cards hold twice
        ("qwen3-30b-a3b", (1, 2, 4, 8, 16)),
        ("deepseek-v2-lite", (1, 2, 4, 8, 16)),
        ("smollm2-135m", (1,)),  # 9 heads
    ],
)
def test_a_model_is_shared_by_as_many_cards_as_its_heads_and_matrices_allow(
    catalog: Catalog, model: str, counts: tuple[int, ...]
) -> None:
    architecture = catalog.models[model].architecture
    assert tuple(cards for cards in range(1, 17) if cards in PARTS and parted(architecture, cards)) == counts


@pytest.mark.parametrize(("model", "group", "counts"), [
    ("qwen3-14b", 128, (1, 2, 4, 8)), ("qwen2.5-72b", 1, (1, 2, 4, 8, 16)), ("qwen2.5-72b", 128, (1,)),
])  # fmt: skip
def test_numbers_of_one_scale_stay_on_one_card(
    catalog: Catalog, model: str, group: int, counts: tuple[int, ...]
) -> None:
    architecture = catalog.models[model].architecture
    assert tuple(cards for cards in PARTS if parted(architecture, cards, group)) == counts


def test_an_engine_that_shares_no_model_serves_on_one_card(catalog: Catalog, rack: Callable[[str], Machine]) -> None:
    recipe = catalog.recipes["serve"]
    plain = replace(recipe, engines={**recipe.engines, "serve": ("transformers",)})
    verdict = judge(rack("rtx-4090x8"), replace(catalog, recipes={"serve": plain}), "serve", "qwen3-14b")
    assert (verdict.status, verdict.knobs.n_gpus) == ("no", 1)
    assert "more-cards" not in {remedy.code for remedy in verdict.remedies}


def test_cards_that_a_person_asks_for_serve_where_they_can(catalog: Catalog, rack: Callable[[str], Machine]) -> None:
    first = judge(rack("rtx-4090x8"), catalog, "serve", "qwen3-8b")
    four = judge(rack("rtx-4090x8"), catalog, "serve", "qwen3-8b", replace(first.knobs, n_gpus=4))
    assert (first.knobs.n_gpus, four.knobs.n_gpus, len(four.gpus)) == (1, 4, 4)
    assert four.card_bytes < first.card_bytes
    assert four.step_seconds == pytest.approx(first.step_seconds / 4, rel=1e-3)
    assert four.ram_bytes > first.ram_bytes
    three = judge(rack("rtx-4090x8"), catalog, "serve", "qwen3-8b", replace(first.knobs, n_gpus=3))
    assert three.knobs.n_gpus == 1


def test_a_fuller_card_and_slices_are_no_part_of_a_team(catalog: Catalog, rack: Callable[[str], Machine]) -> None:
    machine = rack("rtx-4090x3")
    full = replace(machine, gpus=(replace(machine.gpus[0], free_bytes=GIB), *machine.gpus[1:]))
    assert judge(full, catalog, "serve", "qwen3-14b").gpus == (1, 2)
    sliced = rack("a100-80g-mig-3g-40gbx2")
    assert judge(sliced, catalog, "serve", "qwen3-32b").status == "no"


def test_a_model_that_guesses_is_a_term_of_its_own(catalog: Catalog, rack: Callable[[str], Machine]) -> None:
    alone = judge(rack("h100-sxm"), catalog, "serve", "qwen3-8b")
    both = judge(rack("h100-sxm"), catalog, "serve", "qwen3-8b", alone.knobs, guesser="qwen3-0.6b")
    own = next(each for each in both.terms if each.label == "draft")
    tokens, draft = 4 * 32768, catalog.models["qwen3-0.6b"]
    assert own.bytes == draft.params * 2 + tokens * 28 * 2 * 8 * 128 * 2  # layers, keys and values, heads, width, bytes
    assert own.formula == f"{draft.params:,} parameters x 2 + 4 x 32,768 tokens x 114,688"
    assert both.card_bytes - alone.card_bytes == own.bytes
    assert sum(each.bytes for each in both.terms) == both.card_bytes


def test_two_cards_share_it_and_where_one_had_been_enough_it_may_take_them(
    catalog: Catalog, rack: Callable[[str], Machine]
) -> None:
    knobs = judge(rack("rtx-4090"), catalog, "serve", "qwen3-8b").knobs
    tight = replace(knobs, seq_len=32768)
    alone = judge(rack("rtx-4090x2"), catalog, "serve", "qwen3-8b", tight)
    both = judge(rack("rtx-4090x2"), catalog, "serve", "qwen3-8b", tight, guesser="qwen3-1.7b")
    assert (alone.knobs.n_gpus, both.knobs.n_gpus) == (1, 2)
    formula = next(each.formula for each in both.terms if each.label == "draft")
    assert f"{catalog.models['qwen3-1.7b'].params:,} parameters x 2 / 2 +" in formula


def test_a_guesser_that_does_not_fit_is_told_with_what_it_takes(
    catalog: Catalog, rack: Callable[[str], Machine]
) -> None:
    knobs = judge(rack("rtx-4090"), catalog, "serve", "qwen3-8b").knobs
    verdict = judge(rack("rtx-4090"), catalog, "serve", "qwen3-8b", knobs, guesser="qwen3-1.7b")
    assert verdict.status == "no" and verdict.reason and verdict.reason.code == "draft-too-big"
    assert verdict.reason.params["draft_bytes"] == term(verdict, "draft")
    assert verdict.reason.params["needed_bytes"] > verdict.reason.params["free_bytes"]
    assert [each.code for each in verdict.also] == ["short-of-memory-cuda"]


def test_an_engine_that_knows_no_guesser_holds_none(catalog: Catalog, rack: Callable[[str], Machine]) -> None:
    recipe = catalog.recipes["serve"]
    plain = replace(recipe, engines={**recipe.engines, "serve": ("lmdeploy", "vllm")})
    other = replace(catalog, recipes={"serve": plain})
    assert judge(rack("h100-sxm"), other, "serve", "qwen3-8b").engines["serve"] == "lmdeploy"
    assert judge(rack("h100-sxm"), other, "serve", "qwen3-8b", guesser="qwen3-0.6b").engines["serve"] == "vllm"
    none = judge(rack("cpu"), catalog, "serve", "qwen3-4b", guesser="qwen3-0.6b")
    assert term(none, "draft") == 0


def ending_at(catalog: Catalog, stage: str, format: str = "") -> Catalog:
    """Where the goal's last stage is this one."""
    recipe = catalog.recipes["serve"]
    named = {"quantise": catalog.formats[format].engine if format else "", "evaluate": "evaluate"}
    made = replace(recipe, engines={"fetch": recipe.engines["fetch"], stage: (named[stage],)})
    formats = {format: catalog.formats[format]} if format else catalog.formats
    return replace(catalog, recipes={"serve": made}, formats=formats)


@pytest.mark.parametrize("board", ["cpu", "rtx-4090"])
@pytest.mark.parametrize(("stage", "format"), [("quantise", "fp8-dynamic"), ("evaluate", "")])
def test_where_nothing_is_served_it_is_what_runs_that_has_to_fit(
    catalog: Catalog, rack: Callable[[str], Machine], board: str, stage: str, format: str
) -> None:
    verdict = judge(rack(board), ending_at(catalog, stage, format), "serve", "qwen3-1.7b")
    assert verdict.status == "fits" and [*verdict.engines] == ["fetch", stage]
    assert verdict.moment == stage
    assert sum(each.bytes for each in verdict.terms) == verdict.card_bytes == verdict.stage_memory[stage]
    assert not {"cache", "graphs", "batch"} & {each.label for each in verdict.terms}
    assert (verdict.step_seconds, verdict.cache_bytes, verdict.knobs.n_gpus) == (0, 0, 1)


def test_a_model_that_no_card_serves_may_still_be_made_smaller_in_ram(
    catalog: Catalog, rack: Callable[[str], Machine]
) -> None:
    ending = ending_at(catalog, "quantise", "gptq-int4")
    assert judge(rack("rtx-4090"), catalog, "serve", "qwen3-32b").status == "no"
    found = judge(rack("rtx-4090"), ending, "serve", "qwen3-32b")
    assert (found.status, found.merge_device, found.card_bytes) == ("fits", "cpu", 0)
    assert found.ram_bytes == found.stage_memory["quantise"] > catalog.models["qwen3-32b"].params * 2
    little = judge(replace(rack("rtx-4090"), ram_free_bytes=48 * GIB), ending, "serve", "qwen3-32b")
    assert little.status == "no" and little.reason and little.reason.code.startswith("short-of")
    assert "more-ram" in {remedy.code for remedy in little.remedies}


@pytest.mark.parametrize(
    ("board", "ram", "disk"), [("rtx-4090", 8, 1000), ("rtx-4090", 1000, 20), ("", 1000, 5), ("", 1000, 1000)]
)
def test_where_one_server_lacks_room_another_is_tried_for_each_model(
    catalog: Catalog, laptop: Machine, machine_with: MachineWith, board: str, ram: int, disk: int
) -> None:
    whole = machine_with(board) if board else laptop
    disks = (replace(whole.disks[0], free_bytes=disk * 10**9),)
    machine = replace(whole, ram_free_bytes=ram * GIB, disks=disks)
    found = offers(machine, catalog, "serve", terms=False)
    servers = {verdict.engines.get("serve") for verdict in found if verdict.status != "no"}
    assert servers >= {"transformers"}
    for verdict in found[::3]:
        alone = judge(machine, catalog, "serve", verdict.model, terms=False, seen=Seen(brief=True))
        assert replace(verdict, recommended=False) == alone, verdict.model
