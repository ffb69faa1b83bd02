"""Run in an engine's environment: its libraries are loaded once, then each stage is a fork of this process.

A stage so started differs from a program of its own in nothing but the twenty seconds of imports.
"""

import json
import os
import runpy
import sys
import traceback


def work(order: dict) -> int:
    os.setpgid(0, 0)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["variables"])
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = [order["module"], *order["arguments"]]
    try:
        run = runpy.run_path if order["module"].endswith(".py") else runpy.run_module
        run(order["module"], run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main(*modules: str) -> None:
    for name in modules:
        __import__(name)
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            code = work(order)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if order["wait"] else child, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
