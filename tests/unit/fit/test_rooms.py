"""How long a conversation is served: what the model has where it fits, the largest that does where not, and said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.fit.conftest import card
from wizard.contract import Catalog, Cpu, Room
from wizard.fit import room_for, saved_bytes, served, step_for
from wizard.fit.memory import engine as paging
from wizard.fit.memory.law import UNSURE

GIB = 1024**3
CPU = Cpu(name="a CPU", cores=2, arch="x86_64", flags=("avx2",))


def room(
    catalog: Catalog, model: str, board: str = "", engine: str = "vllm", cards: int = 1, asked: int = 0, free: float = 1
) -> tuple[Room, list[str]]:
    gpus = [card(catalog.boards[board])] * cards if board else []
    gpus = [replace(gpu, free_bytes=int(gpu.free_bytes * free)) for gpu in gpus]
    found, told = room_for(catalog.models[model], catalog.engines[engine], gpus, CPU, 20 * GIB, asked)
    return found, [note.code for note in told]


def test_on_a_card_with_room_it_is_all_that_the_model_has(catalog: Catalog) -> None:
    assert room(catalog, "qwen3-8b", "h100-sxm") == (Room(context=40960), [])


def test_where_it_does_not_fit_the_largest_that_does_is_taken_and_said(catalog: Catalog) -> None:
    model = catalog.models["llama-3.1-8b"]
    found, told = room(catalog, model.id, "rtx-3090")
    assert told == ["context-cut"]
    assert 4096 < found.context < model.max_len
    gpu = card(catalog.boards["rtx-3090"])
    step = step_for(model.architecture, {"task": "infer", "seq_len": found.context}, params=model.params)
    here = served(step, gpu.total_bytes, gpu.free_bytes, gpu.name)
    assert paging.of_sequence(step) <= here.cache_bytes
    assert 0.8 < found.context / here.tokens <= 1  # no more is kept back than the law may be off


def test_keys_and_values_in_8_bits_make_room_where_16_do_not_reach_and_the_card_can(catalog: Catalog) -> None:
    old, told = room(catalog, "qwen3-8b", "rtx-3090", free=0.9)
    assert (old.cache, told) == ("auto", ["context-cut"])
    assert old.context < 32768
    new, told = room(catalog, "qwen3-8b", "rtx-4090", free=0.9)
    assert (new.cache, told[0]) == ("fp8", "cache-in-8-bits")
    assert new.context > 1.5 * old.context
    assert room(catalog, "qwen3-8b", "rtx-4090", free=0.9, asked=8192) == (Room(context=8192), [])


def test_a_context_that_is_asked_for_is_given_or_said_to_be_too_long(catalog: Catalog) -> None:
    assert room(catalog, "qwen3-8b", "rtx-4090", asked=4096) == (Room(context=4096), [])
    assert room(catalog, "qwen3-8b", "h100-sxm", asked=99999) == (Room(context=40960), ["context-beyond-model"])


def test_several_cards_hold_a_part_each_as_far_as_the_heads_and_the_engine_go(catalog: Catalog) -> None:
    assert room(catalog, "qwen3-32b", "rtx-4090", cards=4)[0].cards == 4
    assert room(catalog, "qwen3-32b", "rtx-4090", cards=3)[0].cards == 2
    assert room(catalog, "qwen3-8b", "rtx-4090", "transformers", cards=4)[0].cards == 1
    one, four = (room(catalog, "llama-3.1-8b", "rtx-3090", cards=count)[0] for count in (1, 4))
    assert four.context > 3 * one.context


def test_more_cards_than_heads_of_keys_split_no_head_of_the_cache(catalog: Catalog) -> None:
    model = catalog.models["qwen2.5-7b"]  # 4 heads of keys
    step = step_for(model.architecture, {"task": "infer", "seq_len": 4096}, params=model.params)
    one, four, eight = (paging.of_sequence(replace(step, cards=count)) for count in (1, 4, 8))
    assert four == eight == one // 4


def test_on_a_cpu_vllm_s_own_cache_is_the_bound(catalog: Catalog) -> None:
    found, told = room(catalog, "llama-3.1-8b", engine="vllm-cpu")
    assert (found.context, told) == (4096, ["context-cut"])  # 1 GiB of 256 KiB for each token
    assert room(catalog, "smollm2-135m", engine="vllm-cpu")[0].context == catalog.models["smollm2-135m"].max_len


def test_an_engine_that_reads_a_prompt_at_once_has_room_for_less(catalog: Catalog) -> None:
    paged, whole = (room(catalog, "llama-3.1-8b", "rtx-3090", engine)[0] for engine in ("vllm", "transformers"))
    assert 256 <= whole.context < paged.context


def test_what_guesses_beside_takes_of_the_room(catalog: Catalog) -> None:
    model, engine, gpu = catalog.models["llama-3.1-8b"], catalog.engines["vllm"], card(catalog.boards["rtx-3090"])
    draft = catalog.models["llama-3.2-1b"]
    alone, both = (room_for(model, engine, [gpu], CPU, 0, 0, 0, each)[0] for each in (None, draft))
    each, own = 131_072, 16 * 2 * 8 * 64 * 2  # bytes of a token: of the model, of what guesses
    assert both.context == pytest.approx(
        (alone.context * each - (1 + UNSURE) * draft.params * 2) / (each + own), abs=256
    )


@pytest.mark.parametrize(
    ("model", "format", "board", "cards"),
    [
        ("qwen3-8b", "fp8-dynamic", "rtx-3060-12g", 1),
        ("llama-3.1-8b", "gptq-int4", "t4", 1),
        ("qwen3-32b", "fp8-dynamic", "a100-40g", 1),
        ("llama-3.3-70b", "gptq-int4", "rtx-3090", 2),
    ],
)
def test_smaller_weights_make_room_for_what_they_save_and_no_more(
    catalog: Catalog, model: str, format: str, board: str, cards: int
) -> None:
    of, gpu = catalog.models[model], card(catalog.boards[board])
    saved = saved_bytes(of, catalog.formats[format])
    found, _ = room_for(of, catalog.engines["vllm"], [gpu] * cards, CPU, 999 * GIB, 0, -saved)
    case = {"task": "infer", "seq_len": found.context, "n_gpus": cards}
    step = step_for(of.architecture, case, params=of.params)
    here = served(step, gpu.total_bytes, gpu.free_bytes, gpu.name)
    beside = sum(term.bytes for term in here.terms if term.label != "cache") - saved // cards
    cache = paging.of_sequence(step) // (2 if found.cache == "fp8" else 1)
    assert cache + beside <= gpu.total_bytes * here.share
