"""A hub's token: from its variable, else from the file that the wizard keeps for it, which only its owner can read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wizard.errors import ExitCode, WizardError

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "modelscope": ("MODELSCOPE_API_TOKEN",),
    "huggingface": ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
}


def token_of(hub: str, environment: Mapping[str, str], home: Path) -> str:
    """Empty where none is set. Raises hub-token-odd for one that no header could carry."""
    file = home / "secrets" / f"{hub}.token"
    named = {name: environment.get(name, "").strip() for name in VARIABLES[hub]}
    held = {str(file): file.read_text(encoding="utf-8", errors="replace").strip()} if file.is_file() else {}
    place, token = next(((place, token) for place, token in {**named, **held}.items() if token), ("", ""))
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise WizardError("hub-token-odd", exit_code=ExitCode.FAILED, hub=hub, place=place)
    return token
