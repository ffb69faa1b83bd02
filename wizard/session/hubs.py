"""Which model hubs answer, at the addresses that a download would use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wizard import detect

PATIENCE = 3.0  # seconds
SWITCHED_OFF = ("HF_HUB_OFFLINE", "UV_OFFLINE")


def addresses(environment: Mapping[str, str]) -> dict[str, str]:
    modelscope = environment.get("MODELSCOPE_ENDPOINT") or environment.get("MODELSCOPE_DOMAIN") or "www.modelscope.cn"
    found = {"modelscope": modelscope, "huggingface": environment.get("HF_ENDPOINT") or "huggingface.co"}
    with_scheme = {hub: place if "://" in place else f"https://{place}" for hub, place in found.items()}
    return {
        hub: re.sub(r"//[^/@]*@", "//", place) for hub, place in with_scheme.items()
    }  # no password is needed to ask


def reached(environment: Mapping[str, str], seconds: float = PATIENCE) -> dict[str, float | None]:
    """Seconds until each answered anything at all, by hub. Addresses are not told."""
    if any(environment.get(name, "0").lower() not in ("", "0", "false") for name in SWITCHED_OFF):
        return {}
    places = addresses(environment)
    answers = detect.reach(places.values(), seconds)
    return {hub: answers[place] for hub, place in places.items()}
