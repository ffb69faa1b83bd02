"""Digests: equal work has an equal digest, wherever it is kept and whatever was conceded on the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

ELSEWHERE = frozenset({"folder", "host", "port", "key_file"})  # where things lie changes no result
REASONS = frozenset({"why"})  # nor what spoke for an engine
FORETOLD = frozenset({"rehearse", "rehearsal"})  # nor does what was expected of it


def _anywhere(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same bytes are the same data, wherever they lie and whatever they are called."""
    return {**source, "ref": "", "path": ""} if source.get("sha256") else source


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def stage_digest(name: str, spec: Mapping[str, Any], environments: Mapping[str, str], inputs: Mapping[str, str]) -> str:
    """Of a stage's spec at rung 0, the packages it runs with and the digests of the stages it builds on."""
    told = {key: value for key, value in spec.items() if key not in ELSEWHERE | REASONS | FORETOLD}
    data = told.get("data")
    if isinstance(data, Mapping):
        told["data"] = {**data, "copied": False, "sources": [_anywhere(source) for source in data.get("sources", ())]}
    return digest({"stage": name, "spec": told, "environments": environments, "inputs": inputs})
