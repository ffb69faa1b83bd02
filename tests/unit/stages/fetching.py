"""A model of two safetensors files, and the fetch stage told to bring it from a hub on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.hub import Hub, weights
from tests.unit.stages.programs import StageRun, Stages

ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
SIZE = 3_000_000
KINDS = ("modelscope", "huggingface")


def model(seed: str = "") -> dict[str, bytes]:
    index = {"weight_map": {"a": ONE, "b": TWO}}
    return {
        "config.json": json.dumps({"model_type": "llama", "seed": seed}).encode(),
        "tokenizer.json": b"{}",
        "README.md": b"# tiny",
        "model.safetensors.index.json": json.dumps(index).encode(),
        ONE: weights(SIZE, seed + "one"),
        TWO: weights(SIZE // 2, seed + "two"),
    }


def source(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "ref": "org/tiny", "revision": "", "file": "", "bytes": 0, **more}


def ordered(fetch: StageRun, *sources: dict[str, Any]) -> StageRun:
    spec = {"model": "tiny", "sources": list(sources), "folder": str(fetch.home / "models" / "tiny"), "hub": "auto"}
    return fetch.order(spec)


def fetching(stage: Stages, python: Path, hub: Hub, folder: str = "", **variables: str) -> StageRun:
    told = {
        "HOME": "/nonexistent",
        "MODELSCOPE_ENDPOINT": hub.url,
        "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false",
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **variables,
    }
    return stage("fetch", python, folder, **told)


def fetched(fetch: StageRun) -> Path:
    return Path(fetch.done()["outputs"]["model"])


def holds(folder: Path, files: dict[str, bytes]) -> bool:
    return all((folder / name).read_bytes() == content for name, content in files.items())
