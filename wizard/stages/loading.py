"""The one door to a model's files: none of them is run as code, and weights are safetensors or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError

CLOSED = {"trust_remote_code": False, "local_files_only": True}


def tokenizer_of(folder: Path | str) -> Any:
    from transformers import AutoTokenizer

    with refused(folder):
        return AutoTokenizer.from_pretrained(folder, **CLOSED)


def model_of(folder: Path | str, **settings: Any) -> Any:
    from transformers import AutoModelForCausalLM

    with refused(folder):
        return AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, **CLOSED, **settings)


def seeing_of(folder: Path | str, **settings: Any) -> Any:
    """A model that reads pictures beside text; its processor is behind wizard.stages.looking."""
    from transformers import AutoModelForImageTextToText

    with refused(folder):
        return AutoModelForImageTextToText.from_pretrained(folder, use_safetensors=True, **CLOSED, **settings)


@contextmanager
def refused(folder: Path | str) -> Iterator[None]:
    """What the library says of a model that brings its own code becomes the Problem that explains it."""
    try:
        yield
    except (ValueError, ImportError) as error:
        if "trust_remote_code" not in str(error):
            raise
        raise WizardError("model-needs-code", exit_code=ExitCode.FAILED, path=str(folder)) from error
