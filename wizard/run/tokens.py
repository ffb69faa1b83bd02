"""Tokens of model hubs: each in a file that only its owner can read; what the environment says comes first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wizard.journal import Home, write_atomic

VARIABLES: Mapping[str, str] = {"modelscope": "MODELSCOPE_API_TOKEN", "huggingface": "HF_TOKEN"}


def token_file(home: Home, hub: str) -> Path:
    return home.secrets / f"{hub}.token"


def keep_token(home: Home, hub: str, token: str) -> None:
    home.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.secrets.chmod(0o700)
    write_atomic(token_file(home, hub), token, mode=0o600)


def hub_tokens(home: Home, environment: Mapping[str, str]) -> dict[str, str]:
    """Variable -> token, of the hubs whose variable is not set."""
    unset = {hub: name for hub, name in VARIABLES.items() if not environment.get(name)}
    return {name: token for hub, name in unset.items() if (token := _kept(token_file(home, hub)))}


def _kept(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
