"""Ask hubs for a model's config.json, and what else they tell of it.

echo '{"ref": "Qwen/Qwen3-8B", "hubs": ["modelscope", "huggingface"]}' | python -m wizard.stages.config
echo '{"ref": "Qwen/Qwen3-8B", "hubs": ["modelscope", "huggingface"], "facts": true}' | python -m wizard.stages.config
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import WizardError
from wizard.stages.hubs import list_files, problem
from wizard.stages.listing import wanted
from wizard.stages.orders import answer_all

NAME = "config.json"


def answer_to(order: Mapping[str, Any]) -> dict[str, Any]:
    """{"hub", "config"} of the first hub that has it, with "facts": {hub: {"bytes", "licence", "gated"}} of all that
    have the same if they are asked for. Else {"code", "params"} of a Problem: a refusal's before the others', since a
    token may mend it."""
    answer: dict[str, Any] = {}
    failed: list[WizardError] = []
    told: dict[str, Any] = {"facts": {}} if order.get("facts") else {}
    for hub in order["hubs"]:
        try:
            with tempfile.TemporaryDirectory(prefix="ycdy-") as folder:
                config = json.loads(fetch(hub, order["ref"], Path(folder)).read_text("utf-8"))
        except Exception as error:
            failed.append(problem({"kind": hub, "ref": order["ref"]}, error))
            continue
        answer = answer or {"hub": hub, "config": config, **told}
        if not told:
            break
        if config == answer["config"]:
            told["facts"][hub] = facts(hub, order["ref"])
    return answer or first_of(failed)


def first_of(failed: Sequence[WizardError]) -> dict[str, Any]:
    refused = [error for error in failed if error.problem.code == "hub-refused"]
    found = [*refused, *failed][0].problem
    return {"code": found.code, "params": dict(found.params)}


def fetch(hub: str, ref: str, folder: Path) -> Path:
    if hub == "modelscope":
        from modelscope.hub.file_download import model_file_download

        return Path(model_file_download(ref, NAME, local_dir=str(folder)))
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(ref, NAME, local_dir=folder))


def facts(hub: str, ref: str) -> dict[str, Any]:
    """What a hub does not tell is left out: nothing depends on it."""
    with contextlib.suppress(Exception):
        return from_modelscope(ref) if hub == "modelscope" else from_huggingface(ref)
    return {}


def from_modelscope(ref: str) -> dict[str, Any]:
    listing = list_files({"kind": "modelscope", "ref": ref}, os.environ.get("MODELSCOPE_API_TOKEN", ""))
    told: dict[str, Any] = {"bytes": sum(max(0, entry.bytes) for entry in listing.entries if wanted(entry.name))}
    with contextlib.suppress(Exception):
        from modelscope_hub import HubApi as Api

        info = Api().get_repo(ref, "model")
        told |= {"licence": info.license or "", "gated": bool(info.gated)}
    return told


def from_huggingface(ref: str) -> dict[str, Any]:
    from huggingface_hub import HfApi

    info = HfApi().model_info(ref, files_metadata=True)
    size = sum(file.size or 0 for file in info.siblings or () if wanted(file.rfilename))
    licence = str((info.card_data or {}).get("license") or "")
    return {"bytes": size, "licence": licence, "gated": bool(info.gated)}


if __name__ == "__main__":
    answer_all(answer_to)
