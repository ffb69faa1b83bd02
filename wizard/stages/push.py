"""Put a folder onto a hub as a model of one's own: private, unless it is asked to be public.

echo '{"hub": "huggingface", "ref": "org/name", "folder": "RUN/04-merge/merged"}' | python -m wizard.stages.push
echo '{"hub": "modelscope", "ref": "org/name", "folder": "merged", "public": true}' | python -m wizard.stages.push
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.faults import chain
from wizard.stages.hubs import REFUSED, failure, is_offline, status_of
from wizard.stages.orders import answer_all
from wizard.stages.tokens import VARIABLES
from wizard.stages.weights import PICKLES

KEPT_BACK = [".*", *(f"*{suffix}" for suffix in PICKLES)]  # pickles run code, and tell paths of this machine
WORDS = "Upload"
LICENCE = "other"  # whose it is, is not for us to say


def answer_to(order: Mapping[str, Any]) -> dict[str, Any]:
    """{"url", "files", "bytes", "new"}, or {"code", "params"} of a Problem."""
    hub, ref, folder = order["hub"], order["ref"], Path(order["folder"])
    try:
        if not (token := next(filter(None, map(os.environ.get, VARIABLES[hub])), "")):
            raise WizardError("push-refused", exit_code=ExitCode.FAILED, hub=hub, model=ref, status=401)
        new = HUBS[hub](ref, folder, token, bool(order.get("public")))
    except Exception as error:
        told = problem(hub, ref, error).problem
        return {"code": told.code, "params": dict(told.params)}
    sent = [path for path in folder.rglob("*") if path.is_file() and goes(path.relative_to(folder))]
    return {"url": page(hub, ref), "files": len(sent), "bytes": sum(path.stat().st_size for path in sent), "new": new}


def goes(path: Path) -> bool:
    return path.suffix not in PICKLES and not path.name.startswith(".")


def to_huggingface(ref: str, folder: Path, token: str, public: bool) -> bool:
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    new = not api.repo_exists(ref)
    if new:
        api.create_repo(ref, private=not public)
    else:
        refuse_public("huggingface", ref, not api.model_info(ref).private, public)
    api.upload_folder(repo_id=ref, folder_path=folder, ignore_patterns=KEPT_BACK, commit_message=WORDS)
    return new


def to_modelscope(ref: str, folder: Path, token: str, public: bool) -> bool:
    """Its SDK makes a public model of one that is missing when it uploads: so it is made before, as it shall be."""
    from modelscope_hub import HubApi
    from modelscope_hub.types import Visibility

    api = HubApi(token=token)
    new = not api.repo_exists(ref, "model")
    if new:
        api.create_repo(ref, "model", visibility="public" if public else "private", license=LICENCE)
    else:
        refuse_public("modelscope", ref, api.get_repo(ref, "model").visibility == Visibility.PUBLIC, public)
    api.upload_folder(
        ref, "model", folder, ignore_patterns=KEPT_BACK, commit_message=WORDS, use_cache=False, disable_tqdm=True
    )
    return new


HUBS: Mapping[str, Callable[[str, Path, str, bool], bool]] = {
    "huggingface": to_huggingface,
    "modelscope": to_modelscope,
}


def refuse_public(hub: str, ref: str, is_public: bool, wanted: bool) -> None:
    if is_public and not wanted:
        raise WizardError("push-is-public", exit_code=ExitCode.FAILED, hub=hub, model=ref)


def page(hub: str, ref: str) -> str:
    if hub == "modelscope":
        return f"{os.environ.get('MODELSCOPE_ENDPOINT', 'https://modelscope.cn').rstrip('/')}/models/{ref}"
    return f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co').rstrip('/')}/{ref}"


def problem(hub: str, ref: str, error: Exception) -> WizardError:
    if isinstance(error, WizardError):
        return error
    status = next((found for cause in chain(error) if (found := status_of(cause))), 0)
    if status in (*REFUSED, 404):
        return WizardError("push-refused", exit_code=ExitCode.FAILED, hub=hub, model=ref, status=status)
    return failure(hub, ref, status, offline=is_offline(error))


if __name__ == "__main__":
    answer_all(answer_to)
