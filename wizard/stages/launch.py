"""Start an engine that takes its key in its arguments alone: it finds it there, and no list of processes shows it.

VLLM_API_KEY=secret python -m wizard.stages.launch sglang.launch_server --api-key --model-path FOLDER --port 8000
curl -H 'Authorization: Bearer secret' http://127.0.0.1:8000/metrics
"""

from __future__ import annotations

import os
import re
import runpy
import sys
from typing import Any

from wizard.stages.guard import KEY_VARIABLE, Guard

AT_ONCE = 65536  # bytes
ENDS = re.compile(rb"[\r\n](?=[^\r\n]*\Z)")  # the last end of a line


def main() -> None:
    module, flag, *rest = sys.argv[1:]
    key = os.environ[KEY_VARIABLE]
    blot_out(key.encode())
    guard_all()
    sys.argv = [module, *rest, flag, key]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def guard_all() -> None:
    """Whatever uvicorn serves in this process wants the key: these engines leave /metrics and more open."""
    import uvicorn

    load = uvicorn.Config.load

    def loaded(self: Any) -> None:
        load(self)
        self.loaded_app = Guard(self.loaded_app)

    uvicorn.Config.load = loaded


def blot_out(key: bytes) -> None:
    """From all that this process and its children write from now on: SGLang logs its arguments. By a process of its
    own, since a thread would wait for a lock that native code may hold while it writes."""
    written, log = os.pipe(), os.dup(1)
    if os.fork() == 0:
        os.close(written[1])
        copy(written[0], log, key)
        os._exit(0)
    os.close(written[0])
    os.dup2(written[1], 1)
    os.dup2(written[1], 2)
    os.close(written[1])
    os.close(log)


def copy(source: int, target: int, key: bytes) -> None:
    """By whole lines, so that no key is cut in two."""
    kept = b""
    while piece := os.read(source, AT_ONCE):
        kept += piece
        end = found.end() if (found := ENDS.search(kept)) else 0
        os.write(target, kept[:end].replace(key, b"***"))
        kept = kept[end:]
    os.write(target, kept.replace(key, b"***"))


if __name__ == "__main__":
    main()
