from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wizard.contract import Catalog, Cpu, Disk, Knobs, Machine, Verdict
from wizard.detect import pretend
from wizard.errors import WizardError
from wizard.fit import judge, leads, offers
from wizard.fit.offering.evaluating import RAM_BYTES_PER_SECOND
from wizard.fit.offering.setting import Seen
from wizard.words import known

GIB = 1024**3
GRPO = "grpo-lora-cpu"
GOLDEN = Path(__file__).with_name("golden.txt")
BOARDS = ("rtx-3060-laptop-6g", "t4", "rtx-3090", "rtx-4090", "a100-80g", "h100-sxm")
ROOMY = Machine(
    gpus=(),
    cpu=Cpu(name="a CPU", cores=32, arch="x86_64", flags=("avx2", "avx512f")),
    ram_bytes=2048 * GIB,
    ram_free_bytes=2000 * GIB,
    disks=(Disk(path="/home", free_bytes=10**13, total_bytes=10**13, kind="local"),),
    pythons={"3.11": "/usr/bin/python3.11"},
    tools=("cc", "python-headers"),
)
MachineWith = Callable[..., Machine]


def test_one_of_each_task_is_recommended_and_comes_first(catalog: Catalog, machine_with: MachineWith) -> None:
    for board in BOARDS:
        for task in ("identity", "sft"):
            found = offers(machine_with(board), catalog, task=task, terms=False)
            assert [verdict.recommended for verdict in found].index(True) == 0
            assert sum(verdict.recommended for verdict in found) == 1
            assert found[0].method in ("lora", "qlora")
            assert "serve" in found[0].engines


def test_models_of_the_same_numbers_are_told_the_same_as_alone(catalog: Catalog, machine_with: MachineWith) -> None:
    machine, seen = machine_with("t4"), 0
    for verdict in offers(machine, catalog, "sft", terms=False):
        if verdict.model in ("qwen2.5-7b", "qwen2.5-7b-base", "llama-2-13b-chat", "vicuna-13b-v1.5", "smollm2-135m"):
            alone = judge(machine, catalog, verdict.recipe, verdict.model, terms=False, seen=Seen(brief=True))
            assert replace(verdict, recommended=False) == alone
            seen += 1
    assert seen > 100


def test_without_a_card_the_bundled_model_is_recommended(catalog: Catalog, laptop: Machine) -> None:
    for task in ("identity", "sft"):
        assert offers(laptop, catalog, task=task, terms=False)[0].model == "smollm2-135m"


def test_a_larger_card_is_recommended_a_larger_model(catalog: Catalog, machine_with: MachineWith) -> None:
    sizes = [
        catalog.models[offers(machine_with(board), catalog, "sft", terms=False)[0].model].params for board in BOARDS
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_what_does_not_fit_comes_last_with_a_reason_and_a_remedy(catalog: Catalog, machine_with: MachineWith) -> None:
    found = offers(machine_with("t4"), catalog)
    statuses = [verdict.status == "no" for verdict in found]
    assert statuses == sorted(statuses)
    for verdict in found:
        assert (verdict.status == "no") == (verdict.reason is not None) == bool(verdict.remedies)


def test_offers_can_be_narrowed_to_a_model_or_family(catalog: Catalog, machine_with: MachineWith) -> None:
    machine = machine_with("rtx-4090")
    assert {verdict.model for verdict in offers(machine, catalog, model="qwen3-8b")} == {"qwen3-8b"}
    family = {m.id for m in catalog.models.values() if m.architecture.family == "mistral" and m.tasks}
    assert {verdict.model for verdict in offers(machine, catalog, model="mistral")} == family
    assert {"mistral-7b", "mistral-nemo-12b"} <= family


def test_it_goes_down_the_ladder_and_says_what_it_gave_up(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("rtx-3060-laptop-6g"), catalog, "sft-lora", "qwen2.5-1.5b")
    assert verdict.status != "no"
    assert verdict.gave_up[-1]["micro_batch"] == verdict.knobs.micro_batch < 4
    assert verdict.knobs.micro_batch * verdict.knobs.accumulate == 16


def test_what_a_person_chose_is_judged_as_it_is(catalog: Catalog, machine_with: MachineWith) -> None:
    knobs = Knobs(seq_len=8192, micro_batch=16)
    verdict = judge(machine_with("rtx-3060-laptop-6g"), catalog, "sft-lora", "qwen2.5-1.5b", knobs)
    assert (verdict.knobs, verdict.status, verdict.gave_up) == (knobs, "no", ())
    assert verdict.remedies


def test_the_rungs_left_are_counted_from_the_knobs_chosen(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("rtx-4090"), catalog, "sft-lora", "qwen3-4b")
    assert verdict.rungs[0] == {}
    assert [rung.get("micro_batch") for rung in verdict.rungs[1:]] == [2, 1, 1, 1]
    assert [rung.get("seq_len") for rung in verdict.rungs[1:]] == [None, None, 1024, 512]


def test_a_sequence_is_never_longer_than_the_model_reads(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("h100-sxm"), catalog, "sft-lora", "smollm2-135m", Knobs(seq_len=100_000))
    assert verdict.knobs.seq_len == catalog.models["smollm2-135m"].max_len


def test_what_is_too_large_to_serve_is_tuned_and_not_served(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("rtx-4090"), catalog, "sft-qlora", "qwen3-14b")
    assert verdict.status == "fits"
    assert "serve" not in verdict.engines
    assert [note.code for note in verdict.engine_notes] == ["too-big-to-serve"]


def disk_of(machine: Machine, free: int) -> Machine:
    return replace(machine, disks=(Disk(path="/", free_bytes=free, total_bytes=10**13, kind="local"),))


def test_where_only_serving_breaks_the_disk_another_engine_serves_else_none(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    roomy = judge(machine_with("rtx-4090"), catalog, "sft-lora", "qwen3-0.6b")
    assert roomy.engines["serve"] == "vllm"
    shown, found = [], roomy
    while "serve" in found.engines:
        shown.append(found.engines["serve"])
        found = judge(disk_of(machine_with("rtx-4090"), found.disk_bytes - 1), catalog, "sft-lora", "qwen3-0.6b")
        assert found.status == "fits" and "serve-short-of-disk" in [note.code for note in found.engine_notes]
    assert shown == ["vllm", "lmdeploy", "transformers"]  # each takes less than the one before
    least = found
    assert [note.code for note in least.engine_notes][-1] == "serve-short-of-disk"
    assert "no-room-to-serve" in [note.code for note in least.engine_notes]
    none = judge(disk_of(machine_with("rtx-4090"), least.disk_bytes - 1), catalog, "sft-lora", "qwen3-0.6b")
    assert none.reason and none.reason.code == "short-of-disk"
    assert none.engines["serve"] == "vllm"


def test_a_cpu_that_lacks_ram_for_vllm_serves_by_transformers(catalog: Catalog, laptop: Machine) -> None:
    verdict = judge(replace(laptop, ram_free_bytes=int(3.5 * GIB)), catalog, "identity", "smollm2-135m")
    assert (verdict.status, verdict.engines["serve"]) == ("fits", "transformers")
    assert [note.code for note in verdict.engine_notes] == ["serve-short-of-ram"]


def test_a_small_disk_says_no_and_names_a_larger_one(catalog: Catalog, laptop: Machine) -> None:
    small = Disk(path="/", free_bytes=10**9, total_bytes=10**10, kind="local")
    large = Disk(path="/data", free_bytes=10**12, total_bytes=10**12, kind="local")
    verdict = judge(replace(laptop, disks=(small, large)), catalog, "identity", "smollm2-135m")
    assert (verdict.status, verdict.reason and verdict.reason.code) == ("no", "short-of-disk")
    assert [(remedy.code, remedy.params.get("path")) for remedy in verdict.remedies] == [("other-disk", "/data")]


def test_little_ram_says_no_on_a_cpu(catalog: Catalog, laptop: Machine) -> None:
    verdict = judge(replace(laptop, ram_free_bytes=GIB), catalog, "identity", "smollm2-135m")
    assert (verdict.status, verdict.reason and verdict.reason.code) == ("no", "short-of-memory-cpu")


def test_more_rows_take_more_time(catalog: Catalog, laptop: Machine) -> None:
    few, many = (
        judge(laptop, catalog, "sft-lora-cpu", "smollm2-135m", rows=rows, row_tokens=100) for rows in (100, 1000)
    )
    assert few.seconds < many.seconds
    assert few.stage_seconds["merge"] == many.stage_seconds["merge"]


def test_answers_that_are_written_while_training_take_their_time(catalog: Catalog, laptop: Machine) -> None:
    """As many steps as there are groups of answers, and in each the weights are read once for every token of them."""
    learnt, written = (
        judge(laptop, catalog, recipe, "smollm2-135m", rows=24, row_tokens=40) for recipe in ("sft-lora-cpu", GRPO)
    )
    recipe = catalog.recipes[GRPO]
    steps = 24 * recipe.settings["num_generations"] / (recipe.knobs.micro_batch * recipe.knobs.accumulate)
    reading = catalog.models["smollm2-135m"].params * 4 / RAM_BYTES_PER_SECOND
    writing = steps * recipe.knobs.seq_len // 2 * reading
    assert writing < written.stage_seconds["train"] < 5 * writing
    assert learnt.stage_seconds["train"] < written.stage_seconds["train"]


@pytest.mark.parametrize(("recipe", "model"), [("sft-lorra", "qwen3-8b"), ("sft-lora", "qwen3-8")])
def test_an_unknown_name_is_told_with_the_nearest(catalog: Catalog, laptop: Machine, recipe: str, model: str) -> None:
    with pytest.raises(WizardError) as caught:
        judge(laptop, catalog, recipe, model)
    assert caught.value.problem.params["nearest"] in ("sft-lora", "qwen3-8b")


def test_everything_said_has_words(catalog: Catalog, laptop: Machine, machine_with: MachineWith) -> None:
    for machine in (laptop, machine_with("t4"), machine_with("rtx-4090", "550.54", (12, 4))):
        for verdict in offers(machine, catalog):
            told = [verdict.reason] if verdict.reason else []
            keys = {f"problem.{problem.code}.what" for problem in (*told, *verdict.engine_notes)}
            keys |= {f"remedy.{remedy.code}" for remedy in verdict.remedies}
            keys |= {f"term.{term.label}" for term in verdict.terms} | {f"moment.{verdict.moment}"}
            assert [key for key in keys if not known(key)] == []


PROFILES = (
    "gtx-1060-6g", "rtx-3060-laptop-6g", "rtx-4060-laptop-8g", "rtx-3080-10g", "rtx-2080-ti", "rtx-3060-12g", "t4",
    "v100-16g", "p100-16g", "rtx-4080", "rtx-3080-20g", "a10", "rtx-3090", "rtx-4090", "l4", "rtx-5090", "v100-32g",
    "a100-40g", "a100-80g-mig-3g-40gb", "l40s", "a100-80g", "h100-sxm", "h20", "h200", "b200", "gb10",
    "rtx-4090x2", "a100-80gx8",
)  # fmt: skip


WHOLE = ("cpu", "rtx-4090", "a100-80gx8")  # profiles for which every recipe is judged


def table(catalog: Catalog, machine_of: Callable[[str], Machine]) -> str:
    """For each profile: what is advised for each task; of recipes that lead the largest model that fits and the
    smallest one that is too large; of all others how many models fit, are tight, and are too large."""
    leading = replace(catalog, recipes={id: recipe for id, recipe in catalog.recipes.items() if leads(recipe)})
    lines = [
        "# profile, * task: what is advised",
        "# profile, recipe that leads: the largest model that fits, of what, what it gave up | the smallest too large",
        "# profile, any other recipe, of a few profiles: models that fit / are tight / do not fit",
    ]
    for name in ("cpu", *PROFILES):
        asked = catalog if name in WHOLE else leading
        found = offers(machine_of(name), asked, terms=False)
        for task in sorted({recipe.task for recipe in asked.recipes.values()}):
            best = next((each for each in found if each.task == task and each.recommended), None)
            said = f"{told(best)} {best.method}" if best else "-"
            lines.append(f"{name:21} * {task:13} {said}")
        for recipe in sorted(asked.recipes):
            mine = [each for each in found if each.recipe == recipe]
            said = ends(mine, catalog) if leads(catalog.recipes[recipe]) else counts(mine)
            lines.append(f"{name:21} {recipe:15} {said}".rstrip())
    return "\n".join(lines) + "\n"


def counts(mine: list[Verdict]) -> str:
    return " / ".join(str(sum(each.status == status for each in mine)) for status in ("fits", "tight", "no"))


def ends(mine: list[Verdict], catalog: Catalog) -> str:
    able = [(catalog.models[each.model].params, each) for each in mine if each.status != "no"]
    best = max(able, key=lambda pair: (pair[0], pair[1].model), default=None)
    unable = [each for each in mine if each.status == "no"]
    least = min(unable, key=lambda each: (each.card_bytes, each.model), default=None)
    return f"{told(best and best[1]):62} | {told(least)}"


def told(verdict: Verdict | None) -> str:
    if verdict is None:
        return "-"
    sizes = f"{verdict.card_bytes / GIB:.1f} of {verdict.capacity_bytes / GIB:.1f}"
    lower = verdict.gave_up[-1] if verdict.gave_up else {}
    gave = " ".join(f"{name}={value}" for name, value in lower.items() if name != "accumulate")
    why = verdict.reason.code if verdict.reason else gave
    return f"{verdict.model} {verdict.status} {sizes} {why}".rstrip()


def test_the_table_of_what_fits_where_is_as_agreed(catalog: Catalog, laptop: Machine) -> None:
    def machine_of(name: str) -> Machine:
        return laptop if name == "cpu" else pretend(name, catalog.boards, ROOMY)

    found = table(catalog, machine_of)
    if os.environ.get("YCDY_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")
