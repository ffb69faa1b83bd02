"""Judges by a Python file of the user's: `reward(prompts, completions, **columns)` is called for each line of JSON on
stdin, and a line of JSON on stdout is its answer. What the file prints goes to stderr, a log. Started by fence.py.

python worker.py closed reward.py SECONDS
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
import traceback
from typing import Any

FUNCTION = "reward"


def main() -> None:
    fence, file, seconds = sys.argv[1:]
    sys.path.pop(0)  # the folder of this file
    commands, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)

    def reply(**told: Any) -> None:
        replies.write(json.dumps(told) + "\n")
        replies.flush()

    try:
        function = loaded(file)
    except BaseException as error:  # whatever the file does
        return reply(broken=told_of(error, file))
    reply(fence=fence)
    for line in commands:
        bound(float(seconds))
        reply(**judged(function, json.loads(line), file))


def loaded(file: str) -> Any:
    names: dict[str, Any] = {"__name__": "reward_file", "__file__": file}
    with open(file, "rb") as source:  # Python finds out its encoding
        exec(compile(source.read(), file, "exec"), names)
    if not callable(names.get(FUNCTION)):
        raise AttributeError(f"no function `{FUNCTION}`")
    return names[FUNCTION]


def bound(seconds: float) -> None:
    """Of processor time, for one batch, on all cores together."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds * (os.cpu_count() or 1)) + 1, hard))


def judged(function: Any, batch: dict[str, Any], file: str) -> dict[str, Any]:
    """{"scores", "faults"}, or {"count"} where their number is another. A batch that breaks is judged row by row."""
    wanted = len(batch["completions"])
    try:
        scores = list(function(**batch))
    except BaseException as error:
        if wanted == 1:
            return {"scores": [None], "faults": [{"place": 0, **told_of(error, file)}]}
        traceback.print_exc()
        rows = [judged(function, {name: each[n : n + 1] for name, each in batch.items()}, file) for n in range(wanted)]
        if strange := next((row for row in rows if "count" in row), None):
            return strange
        faults = [{**fault, "place": n} for n, row in enumerate(rows) for fault in row["faults"]]
        return {"scores": [row["scores"][0] for row in rows], "faults": faults}
    if len(scores) != wanted:
        return {"count": len(scores), "wanted": wanted}
    read = [score_of(each) for each in scores]
    faults = [{"place": n, "error": each, "line": 0} for n, each in enumerate(read) if isinstance(each, str)]
    return {"scores": [None if isinstance(each, str) else each for each in read], "faults": faults}


def score_of(given: Any) -> float | str | None:
    """A finite number, None, or a text that tells what was given instead."""
    if given is None:
        return None
    try:
        number = float(given) if not isinstance(given, (str, bytes)) else math.nan
    except Exception:
        number = math.nan
    return number if math.isfinite(number) else repr(given)[:100]


def told_of(error: BaseException, file: str) -> dict[str, Any]:
    traceback.print_exc()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = frames[-1].lineno if frames else getattr(error, "lineno", 0)
    said = error.msg if isinstance(error, SyntaxError) else str(error)  # which else names its line once more
    return {"error": f"{type(error).__name__}: {said}"[:300], "line": line or 0}


if __name__ == "__main__":
    main()
