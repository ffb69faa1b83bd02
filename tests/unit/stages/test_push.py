"""A folder goes to a hub by the hub's own SDK, against a small hub on this machine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hub import running, weights
from tests.fakes.hub_push import Pushed, PushHandler, PushHub
from tests.unit.stages.programs import environment

KINDS = ("huggingface", "modelscope")
TOKEN = "hf_a-secret-token"
FILES = {"config.json": b"{}", "model.safetensors": weights(300_000), "adapter/adapter_config.json": b'{"kind": 1}'}
KEPT = {"training_args.bin": b"pickled", ".hidden": b"mine"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {**FILES, **KEPT}.items():
        file = tmp_path / "merged" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "merged"


@pytest.fixture
def push(hub_python: Path, lib: Path, folder: Path) -> Any:
    def pushed(hub: PushHub, kind: str, token: str = TOKEN, **more: Any) -> dict[str, Any]:
        told = {"MODELSCOPE_ENDPOINT": hub.url, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
        variables = environment(lib, HOME="/nonexistent", **told, MODELSCOPE_API_TOKEN=token, HF_TOKEN=token)
        order = {"hub": kind, "ref": "org/mine", "folder": str(folder), **more}
        done = subprocess.run(
            [str(hub_python), "-m", "wizard.stages.push"],
            input=json.dumps(order),
            env=variables,
            capture_output=True,
            text=True,
            check=True,
        )
        assert not token or token not in done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return pushed


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_ones_own_is_private_and_whole(kind: str, push: Any) -> None:
    with running(PushHub(files={}, token=TOKEN if kind == "huggingface" else ""), PushHandler) as hub:
        answer = push(hub, kind)
        assert answer.get("new") is True, answer
        assert hub.models["org/mine"].private
        assert {name: hub.models["org/mine"].files.get(name) for name in FILES} == FILES
        assert not set(KEPT) & set(hub.models["org/mine"].files), "no pickle, nothing hidden"
        assert answer["files"] == len(FILES)
        assert answer["url"].startswith(hub.url) and answer["url"].endswith("org/mine")
        assert any(TOKEN in signed for signed in hub.signed)
        again = push(hub, kind)
        assert again.get("new") is False, again


@pytest.mark.parametrize("kind", KINDS)
def test_what_everybody_sees_is_made_so_only_if_it_is_asked_for(kind: str, push: Any) -> None:
    with running(PushHub(files={}, models={"org/mine": Pushed(private=False)}), PushHandler) as hub:
        assert push(hub, kind)["code"] == "push-is-public"
        assert not hub.models["org/mine"].files
        assert push(hub, kind, public=True)["new"] is False
        assert hub.models["org/mine"].files
        hub.models.clear()
        assert push(hub, kind, public=True)["new"] is True
        assert not hub.models["org/mine"].private
        assert hub.models["org/mine"].licence.lower() in ("", "other"), "no licence is claimed"


@pytest.mark.parametrize("kind", KINDS)
def test_a_hub_that_refuses_is_told(kind: str, push: Any) -> None:
    with running(PushHub(files={}, forbids=True), PushHandler) as hub:
        assert push(hub, kind) == {"code": "push-refused", "params": {"hub": kind, "model": "org/mine", "status": 403}}
        assert push(hub, kind, token="")["code"] == "push-refused"
        assert hub.models == {}
