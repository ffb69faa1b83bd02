"""What the formula counts, against transformers' own classes: one program builds every model on the meta device."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.catalog.published import published
from wizard.catalog import builtin, load
from wizard.contract import Architecture
from wizard.errors import WizardError
from wizard.fit.reading.configs import architecture_of
from wizard.fit.reading.shape import layer_groups, params_of
from wizard.fit.recording.habits import EAGER

Found = Mapping[str, Any]
# Of a class whose default is no model.
SIZES = {
    "aya_vision": {"vision_config": {"model_type": "siglip_vision_model", "hidden_size": 1152}},
    "dots1": {
        "n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 1, "num_hidden_layers": 6,
        "first_k_dense_replace": 1,
    },
    "hunyuan_v1_dense": {"head_dim": 128},
    "hunyuan_v1_moe": {"head_dim": 128, "num_experts": 8, "moe_topk": 2},
    "ministral": {"head_dim": 128},
    "nemotron": {"num_key_value_heads": 8, "head_dim": 128},
}  # fmt: skip
FLAGS = (
    "add_qkv_bias", "attention_bias", "attention_out_bias", "bias", "do_layer_norm_before", "enable_bias",
    "lm_head_bias", "mlp_bias", "multi_query", "new_decoder_architecture", "parallel_attn", "qk_layernorm", "qkv_bias",
    "tie_word_embeddings", "use_bias", "use_mixed_mlp_moe", "use_parallel_residual", "use_post_norm", "use_qk_norm",
    "use_qkv_bias",
)  # fmt: skip
# Whose tower, not only whose language model, is counted to the last parameter; of others the tower is a guess.
EXACT_TOWERS = {
    "aya_vision", "cohere2_vision", "gemma3", "glm4v", "glm4v_moe", "idefics3", "internvl", "llama4", "llava",
    "llava_next", "llava_onevision", "mistral3", "mllama", "paligemma", "qwen2_5_vl", "qwen2_vl", "qwen3_5",
    "qwen3_5_moe", "qwen3_vl", "qwen3_vl_moe", "smolvlm", "vipllava",
}  # fmt: skip
REFUSALS = {"config-not-a-decoder", "config-unread-kind"}


@pytest.fixture(scope="module")
def found(trl_python: Path) -> Mapping[str, tuple[Found, ...]]:
    asked = {
        "published": [entry.config for entry in published() if not entry.counted_only],
        "sizes": SIZES,
        "flags": FLAGS,
    }
    command = [str(trl_python), str(Path(__file__).with_name("count_on_meta.py"))]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=600)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {what: tuple(line for line in lines if line["what"] == what) for what in {line["what"] for line in lines}}


def counted(config: Mapping[str, Any]) -> int | str:
    """All parameters, or the code of the refusal."""
    try:
        a = architecture_of(config)
    except WizardError as error:
        return error.problem.code
    return params_of(a) + (a.tower.params if a.tower else 0)


def read(several: tuple[Found, ...]) -> Iterator[tuple[str, Found, Architecture]]:
    for each in several:
        if "error" not in each and counted(each["config"]) not in REFUSALS:
            yield each["raw"]["model_type"], each, architecture_of(each["config"])


def test_a_published_config_builds_the_model_that_the_catalogue_counts(found: Mapping[str, tuple[Found, ...]]) -> None:
    models = load([builtin()]).models
    built = iter(found["published"])
    for entry in published():
        if entry.counted_only:
            continue
        each = next(built)
        assert "error" not in each, (entry.models, each["error"])
        for model in (models[name] for name in entry.models):
            assert each["params"] == model.params, model.id
            assert architecture_of(each["config"], model.architecture.family) == model.architecture, model.id


def test_every_model_type_for_text_is_counted_exactly_or_refused(found: Mapping[str, tuple[Found, ...]]) -> None:
    wrong, exact = {}, 0
    for each in found["text"]:
        kind = each["raw"]["model_type"]
        count = counted(each["raw"] if "error" in each else each["config"])
        if count in REFUSALS or each.get("config", {}).get("text_config"):
            continue
        exact += count == each.get("params")
        if count != each.get("params"):
            wrong[kind] = (count, each.get("params"), each.get("error"))
    assert wrong == {}
    assert exact >= 75


def test_a_config_that_leaves_all_out_is_read_by_its_class_s_defaults(found: Mapping[str, tuple[Found, ...]]) -> None:
    for kind, each, full in read(found["text"]):
        if "text_config" not in each["config"]:
            short = architecture_of(each["raw"])
            assert replace(short, window=0, window_layers=0) == replace(full, window=0, window_layers=0), kind


def test_what_a_flag_changes_is_counted(found: Mapping[str, tuple[Found, ...]]) -> None:
    wrong = [each["raw"] for _, each, a in read(found["flag"]) if params_of(a) != each["params"]]
    assert wrong == []
    assert sum(1 for _ in read(found["flag"])) >= 120


def test_layers_are_named_as_in_the_model(found: Mapping[str, tuple[Found, ...]]) -> None:
    for kind, each, a in read(found["text"]):
        if "text_config" in each["config"]:
            continue
        there = {(name, size): number for name, size, number in each["linears"]}
        told = Counter[tuple[str, int]]()
        for number, group in layer_groups(a):
            for linear in group:
                if linear.role != "router":  # called gate or router, and reached by no adapter
                    told[linear.name, linear.size * linear.copies] += number
        assert {key: there.get(key) for key in told} == dict(told), kind


def test_whose_attention_writes_all_scores_is_known(found: Mapping[str, tuple[Found, ...]]) -> None:
    assert {kind for kind, each, _ in read(found["text"]) if not each["sdpa"]} == EAGER


def test_every_model_type_for_pictures_is_counted_closely_or_refused(found: Mapping[str, tuple[Found, ...]]) -> None:
    wrong, exact = {}, set()
    for each in found["pictures"]:
        kind = each["raw"]["model_type"]
        count = counted(each["raw"] if "error" in each else each["config"])
        if count in REFUSALS:
            continue
        if count == each.get("params"):
            exact.add(kind)
        elif "error" in each or abs(count - each["params"]) > 0.01 * each["params"]:
            wrong[kind] = (count, each.get("params"), each.get("error"))
    assert wrong == {}
    assert exact >= EXACT_TOWERS
