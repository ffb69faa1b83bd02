"""What a model that is not in the catalogue is called here: its id on a hub, as the name of a folder."""

from __future__ import annotations

import re


def id_of(ref: str) -> str:
    """`Qwen/Qwen3-8B` -> `qwen--qwen3-8b`."""
    return re.sub(r"[^a-z0-9._-]+", "-", ref.casefold().replace("/", "--")).strip("-.")
