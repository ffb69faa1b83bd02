"""Ask a hub for a model's config.json alone.

echo '{"ref": "Qwen/Qwen3-8B", "hubs": ["modelscope", "huggingface"]}' | python -m wizard.stages.config
python -m wizard.stages.config < refs.jsonl > configs.jsonl
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.errors import WizardError
from wizard.stages.hubs import problem

NAME = "config.json"


def main() -> None:
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            answer = answer_to(json.loads(line))
        print(json.dumps(answer), flush=True)


def answer_to(order: Mapping[str, Any]) -> dict[str, Any]:
    """{"hub", "config"} of the first hub that has it, or the {"code", "params"} of the first one's Problem."""
    failed: WizardError | None = None
    for hub in order["hubs"]:
        try:
            with tempfile.TemporaryDirectory(prefix="ycdy-") as folder:
                return {"hub": hub, "config": json.loads(fetch(hub, order["ref"], Path(folder)).read_text("utf-8"))}
        except Exception as error:
            failed = failed or problem({"kind": hub, "ref": order["ref"]}, error)
    assert failed
    return {"code": failed.problem.code, "params": dict(failed.problem.params)}


def fetch(hub: str, ref: str, folder: Path) -> Path:
    if hub == "modelscope":
        from modelscope.hub.file_download import model_file_download

        return Path(model_file_download(ref, NAME, local_dir=str(folder)))
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(ref, NAME, local_dir=folder))


if __name__ == "__main__":
    main()
