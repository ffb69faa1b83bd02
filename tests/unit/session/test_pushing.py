"""`push`, from the typed line to the job that the hub's SDK is asked by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plain.conftest import Typed, command
from wizard.errors import WizardError
from wizard.session import Desk, jobs, pushing

__all__ = ["command"]
ANSWER = {"url": "https://modelscope.cn/models/me/mine", "files": 7, "bytes": 2_000_000_000, "new": True}


@pytest.mark.parametrize(
    ("target", "aimed"),
    [("ms::me/mine-1.5b", ("modelscope", "me/mine-1.5b")), ("hf::me/mine", ("huggingface", "me/mine"))],
)
def test_a_target_names_hub_and_model(target: str, aimed: tuple[str, str]) -> None:
    assert pushing.aimed(target) == aimed


@pytest.mark.parametrize("target", ["me/mine", "gh::me/mine", "ms::mine", "ms::me/../mine", "hf::me/mine/more", ""])
def test_what_names_none_is_told(target: str) -> None:
    with pytest.raises(WizardError) as told:
        pushing.aimed(target)
    assert told.value.problem.code == "push-where"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the hub's job is asked, and what it shall answer."""
    seen: dict[str, Any] = {"answer": ANSWER}

    def job(desk: Desk, engine: str, stage: str, asked: list[Mapping[str, Any]], progress: Any) -> Any:
        seen.update(engine=engine, stage=stage, asked=asked)
        return iter([seen["answer"]])

    monkeypatch.setattr(jobs, "job", job)
    return seen


def finished(monkeypatch: pytest.MonkeyPatch, **paths: str) -> None:
    class Told:
        def __init__(self) -> None:
            self.paths = paths
            self.path = Path("the-run")

    monkeypatch.setattr(Desk, "outcome", lambda *_: Told())
    monkeypatch.setattr(Desk, "folder", lambda *_: Told())


def test_the_merged_model_goes_and_is_private(
    command: Typed, hub: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(monkeypatch, merged="/runs/the-run/04-merge/merged")
    code, shown, talk = command("push", "the-run", "ms::me/mine")
    assert (code, shown.strip()) == (0, ANSWER["url"])
    assert "7 files" in talk
    order = {"hub": "modelscope", "ref": "me/mine", "folder": "/runs/the-run/04-merge/merged", "public": False}
    assert (hub["engine"], hub["stage"], hub["asked"]) == ("hub", "push", [order])
    code, shown, _ = command("push", "the-run", "hf::me/mine", "--public", "--json")
    assert hub["asked"][0]["public"] is True
    assert json.loads(shown) == {"hub": "huggingface", "ref": "me/mine", **ANSWER}


def test_what_cannot_be_pushed_is_told(command: Typed, hub: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    finished(monkeypatch)
    code, shown, _ = command("push", "the-run", "ms::me/mine", "--json")
    assert (code, json.loads(shown)["problem"]["code"]) == (2, "nothing-to-push")
    assert "asked" not in hub
    finished(monkeypatch, merged="/m")
    hub["answer"] = {"code": "push-refused", "params": {"hub": "modelscope", "model": "me/mine", "status": 403}}
    code, shown, _ = command("push", "the-run", "ms::me/mine", "--json")
    assert (code, json.loads(shown)["problem"]["code"]) == (1, "push-refused")
