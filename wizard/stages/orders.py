"""Orders as JSON lines on stdin, each answered by one on stdout: how a one-shot job is spoken to."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any


def answer_all(answer_to: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """What a library prints meanwhile goes to stderr."""
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            answer = answer_to(json.loads(line))
        print(json.dumps(answer), flush=True)
