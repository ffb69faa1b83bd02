from __future__ import annotations

import json
from pathlib import Path

import pytest

from wizard.errors import WizardError
from wizard.stages.weights import check_model, whole


def tensors(path: Path, size: int = 64) -> Path:
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    return path


def problem(folder: Path) -> tuple[str, str]:
    with pytest.raises(WizardError) as caught:
        check_model(folder)
    return caught.value.problem.code, caught.value.problem.params["file"]


def test_a_file_that_ends_where_its_header_says_is_whole(tmp_path: Path) -> None:
    assert whole(tensors(tmp_path / "a.safetensors"))


@pytest.mark.parametrize("keep", [0, 4, 20, 70, 100])
def test_a_cut_file_is_not_whole(tmp_path: Path, keep: int) -> None:
    file = tensors(tmp_path / "a.safetensors")
    file.write_bytes(file.read_bytes()[:keep])
    assert not whole(file)


def test_noise_and_a_missing_file_are_not_whole(tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(b"\xff" * 200)
    assert not whole(noise)
    assert not whole(tmp_path / "missing")


def test_a_model_without_config_or_weights_is_named_by_the_missing_file(tmp_path: Path) -> None:
    assert problem(tmp_path) == ("model-file-missing", "config.json")
    (tmp_path / "config.json").write_text("{}")
    assert problem(tmp_path) == ("model-file-missing", "model.safetensors")


def test_each_shard_of_the_index_must_be_there_and_whole(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    tensors(tmp_path / "one.safetensors")
    assert problem(tmp_path) == ("model-file-missing", "two.safetensors")
    (tmp_path / "two.safetensors").write_bytes(b"cut")
    assert problem(tmp_path) == ("model-file-damaged", "two.safetensors")
    tensors(tmp_path / "two.safetensors")
    check_model(tmp_path)


def test_a_broken_index_is_the_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors.index.json").write_text("{cut")
    assert problem(tmp_path)[1] == "model.safetensors.index.json"


def test_a_gguf_beside_safetensors_is_not_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-q4_0.gguf").write_bytes(b"no")
    assert problem(tmp_path)[1] == "model-q4_0.gguf"
    tensors(tmp_path / "model.safetensors").write_bytes(b"cut")
    assert problem(tmp_path) == ("model-file-damaged", "model.safetensors")
