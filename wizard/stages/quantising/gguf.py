"""One .gguf file (github.com/ggml-org/ggml/blob/master/docs/gguf.md) by llama.cpp's own converter, with the Modelfile
by which Ollama takes it up. Nothing is compiled: the converter writes f16 and q8_0 itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.quantising import Job, converter, modelfile


def make(job: Job) -> dict[str, Any]:
    place = converter.place(job.bench, job.settings)
    kind = str(job.settings["type"])
    file = job.part / f"model-{kind}.gguf"
    script = place / "convert_hf_to_gguf.py"
    command = [sys.executable, str(script), str(job.source), "--outfile", str(file), "--outtype", kind]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(place / "gguf-py"), "PYTHONSAFEPATH": ""},
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    sys.stderr.write(done.stderr)
    if done.returncode or not file.is_file():
        raise refusal(done.stderr, job)
    shutil.copy2(job.source / "config.json", job.part)
    modelfile.write(job.part, file, job.source)
    return {"file": file.name}


def refusal(told: str, job: Job) -> Exception:
    """The converter's last words; that the disk is full is told as everywhere."""
    last = next((line.strip() for line in reversed(told.splitlines()) if line.strip()), "")
    if "No space left" in told:
        return OSError(28, last)
    return WizardError(
        "gguf-refuses", exit_code=ExitCode.FAILED, told=last[:300], log=str(job.bench.folder / "log.txt")
    )
