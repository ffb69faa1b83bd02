from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.unit.catalog.published import Published, published
from wizard.catalog import builtin, load
from wizard.contract import Model
from wizard.contract.native import NATIVE
from wizard.fit.reading.configs import architecture_of, max_len_of
from wizard.fit.reading.shape import params_of

MODELS = load([builtin()]).models
LICENCES = {
    "Apache-2.0", "Baichuan 2 Community", "BigCode OpenRAIL-M", "BigScience RAIL", "CC-BY-NC-4.0", "ChatGLM",
    "DeepSeek", "GLM-4", "Gemma", "Health AI Developer Foundations", "InternLM", "Llama 2 Community",
    "Llama 3 Community", "Llama 3.1 Community", "Llama 3.2 Community", "Llama 3.3 Community", "Llama 4 Community",
    "MIT", "MiniCPM", "Mistral Research", "Modified MIT", "Qwen", "Qwen Research", "Tencent Hunyuan A13B",
    "Tongyi Qianwen", "Tongyi Qianwen Research",
}  # fmt: skip


def hubs(model: Model) -> dict[str, str]:
    return {source.kind: source.ref for source in model.sources if source.kind in ("modelscope", "huggingface")}


def tower_params(model: Model) -> int:
    return model.architecture.tower.params if model.architecture.tower else 0


def test_there_are_enough_models_of_enough_families_and_kinds() -> None:
    assert len(MODELS) >= 150
    assert len({model.architecture.family for model in MODELS.values()}) >= 40
    assert sum("image" in model.modality for model in MODELS.values()) >= 30
    assert sum(model.architecture.experts > 0 for model in MODELS.values()) >= 30


def test_the_dimensions_of_a_model_account_for_its_parameters() -> None:
    counted = {model.id: params_of(model.architecture) + tower_params(model) for model in MODELS.values()}
    assert counted == {model.id: model.params for model in MODELS.values()}


@pytest.mark.parametrize("entry", published(), ids=lambda entry: entry.models[0])
def test_a_model_s_own_config_is_read_as_the_catalogue_has_it(entry: Published) -> None:
    for model in (MODELS[name] for name in entry.models):
        assert architecture_of(entry.config, model.architecture.family) == model.architecture
        assert max_len_of(entry.config) == model.max_len


def test_every_model_has_a_config_and_no_config_is_left_over() -> None:
    assert Counter(name for entry in published() for name in entry.models) == Counter(MODELS.keys())


def test_a_model_can_be_had_from_both_hubs() -> None:
    for model in MODELS.values():
        assert hubs(model).keys() == {"modelscope", "huggingface"}, model.id
        assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", ref) for ref in hubs(model).values()), model.id
        assert model.title == hubs(model)["huggingface"].split("/")[1], model.id


def test_a_download_is_half_a_byte_to_four_for_each_parameter() -> None:
    for model in MODELS.values():
        sizes = {source.bytes / model.params for source in model.sources if source.kind != "bundled"}
        assert len(sizes) == 1 and 0.5 < min(sizes) <= 4, model.id


def test_a_licence_is_one_of_those_known() -> None:
    assert {model.licence for model in MODELS.values()} == LICENCES


def test_what_a_model_can_be_tuned_for_agrees_with_what_it_is() -> None:
    for model in MODELS.values():
        assert set(model.tasks) <= {"*", "cpt", "vision"}, model.id
        assert ("image" in model.modality) == (model.architecture.tower is not None), model.id
        assert "image" in model.modality or "vision" not in model.tasks, model.id
        assert model.template or "*" not in model.tasks, model.id


def test_a_model_of_a_kind_that_the_libraries_do_not_know_is_marked_and_never_offered() -> None:
    kinds = {name: entry.config["model_type"] for entry in published() for name in entry.models}
    assert [name for name, kind in kinds.items() if kind not in NATIVE and not MODELS[name].own_code] == []
    assert [model.id for model in MODELS.values() if model.own_code and model.tasks] == []


def test_no_checkpoint_is_listed_twice() -> None:
    for kind in ("modelscope", "huggingface"):
        refs = Counter(hubs(model)[kind].lower() for model in MODELS.values())
        assert [ref for ref, times in refs.items() if times > 1] == []
