from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wizard.contract import Catalog, Cpu, Knobs, Machine
from wizard.fit import accelerator, judge, reason_engine_cannot_serve, reasons_engine_cannot_run

MachineWith = Callable[..., Machine]


def codes(catalog: Catalog, engine: str, machine: Machine) -> list[str]:
    found = reasons_engine_cannot_run(catalog.engines[engine], machine, accelerator(machine))
    return [problem.code for problem in found]


@pytest.mark.parametrize(
    ("board", "driver", "cuda", "kind"),
    [
        ("rtx-4090", "580.65.06", (13, 0), "cu13"),
        ("rtx-4090", "550.54", (12, 4), "cu12"),
        ("v100-16g", "580.65.06", (13, 0), "cu12"),
        ("rtx-4090", "470.82", (11, 4), "cpu"),
    ],
)
def test_driver_and_card_decide_the_build(
    machine_with: MachineWith, board: str, driver: str, cuda: tuple[int, int], kind: str
) -> None:
    assert accelerator(machine_with(board, driver, cuda)) == kind


def test_without_a_card_it_is_the_cpu_build(laptop: Machine) -> None:
    assert accelerator(laptop) == "cpu"


def test_a_machine_that_has_all_is_told_nothing(catalog: Catalog, machine_with: MachineWith, laptop: Machine) -> None:
    assert codes(catalog, "vllm", machine_with("rtx-4090")) == []
    assert codes(catalog, "vllm-cpu", laptop) == []


def test_a_missing_compiler_is_told_with_the_command_that_mends_it(catalog: Catalog, machine_with: MachineWith) -> None:
    bare = replace(machine_with("rtx-4090"), tools=())
    problem = reasons_engine_cannot_run(catalog.engines["vllm"], bare, "cu13")[0]
    assert problem.code == "engine-needs-system"
    assert problem.params["command"] == "apt-get install -y gcc python3.12-dev"


def test_the_python_that_has_headers_is_preferred(catalog: Catalog, machine_with: MachineWith) -> None:
    machine = replace(machine_with("rtx-4090"), tools=("cc", "python-headers", "python-headers-3.11"))
    assert codes(catalog, "vllm", machine) == []
    assert judge(machine, catalog, "sft-lora", "qwen3-4b").pythons["vllm"] == "3.11"


def test_a_cpu_without_avx2_is_served_by_transformers_and_told_why(catalog: Catalog, laptop: Machine) -> None:
    old = replace(laptop, cpu=Cpu(name="old", cores=2, arch="x86_64"))
    verdict = judge(old, catalog, "identity", "smollm2-135m")
    assert verdict.engines["serve"] == "transformers"
    assert [note.code for note in verdict.engine_notes] == ["engine-needs-cpu-flags"]


def test_no_python_of_an_engine_is_told(catalog: Catalog, laptop: Machine) -> None:
    assert codes(catalog, "vllm-cpu", replace(laptop, pythons={"3.13": "/python"})) == ["engine-needs-python"]


def test_an_old_driver_falls_back_to_the_cpu_where_the_recipe_allows_it(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    verdict = judge(machine_with("rtx-4090", "470.82", (11, 4)), catalog, "identity", "smollm2-135m")
    assert (verdict.device, verdict.status) == ("cpu", "fits")
    assert verdict.engine_notes[0].code == "driver-runs-no-build"


def test_a_forced_engine_comes_first_and_gives_way_where_it_cannot_run(catalog: Catalog, laptop: Machine) -> None:
    forced = {"serve": "transformers"}
    assert judge(laptop, catalog, "identity", "smollm2-135m", None, forced).engines["serve"] == "transformers"
    assert judge(laptop, catalog, "identity", "smollm2-135m", None, {"serve": "vllm"}).engines["serve"] == "vllm-cpu"


def test_the_bundled_model_is_fetched_by_what_can_convert_it_others_by_the_hub(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    machine = machine_with("rtx-4090")
    assert judge(machine, catalog, "identity", "smollm2-135m").engines["fetch"] == "trl"
    assert judge(machine, catalog, "sft-lora", "qwen3-4b").engines["fetch"] == "hub"


def test_cuda_12_is_served_by_lmdeploy_where_no_vllm_is_built(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("rtx-4090", "535.183.01", (12, 2)), catalog, "sft-lora", "qwen3-4b")
    assert verdict.engines["serve"] == "lmdeploy"


def test_a_model_too_large_for_one_card_is_served_by_those_that_trained_it(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    machine = machine_with("rtx-4090")
    many = replace(machine, gpus=tuple(replace(machine.gpus[0], index=n, uuid=f"GPU-{n}") for n in range(4)))
    alone = judge(machine, catalog, "sft-qlora", "qwen3-32b")
    together = judge(many, catalog, "sft-lora-zero3", "qwen3-32b", Knobs(n_gpus=4, zero_stage=3))
    assert "serve" not in alone.engines
    assert together.engines.get("serve") == "vllm"
    assert 0 < together.stage_memory["serve"] < many.gpus[0].free_bytes


def test_what_a_model_reads_decides_who_can_serve_it(catalog: Catalog) -> None:
    sees, reads = catalog.models["qwen2.5-vl-7b"], catalog.models["qwen3-8b"]
    able = {
        (name, model.id): reason_engine_cannot_serve(catalog.engines[name], model)
        for name in ("vllm", "vllm-cpu", "sglang", "lmdeploy", "transformers")
        for model in (sees, reads)
    }
    assert {name for (name, model), why in able.items() if why and model == sees.id} == {
        "vllm-cpu",
        "sglang",
        "lmdeploy",
    }
    assert not any(why for (_, model), why in able.items() if model == reads.id)
