"""Public sets of questions, asked through the harnesses that they are known by, each in a process of its own: their
imports alone take 10 to 25 s, and what they hold goes with them."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wizard.contract import Result
from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json, write_json
from wizard.stages.desk import Bench
from wizard.stages.evaluating.subjects import Subject, number_type

MODULES = {"lm-eval": "harness", "evalscope": "scope"}
HUBS = {"lm-eval": "https://huggingface.co", "evalscope": "https://www.modelscope.cn"}
REACH_SECONDS = 5.0
OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
Told = Mapping[str, Any]


def at_hand(bench: Bench) -> None:
    """Before anything is loaded. Raises benchmark-no-copy where neither a copy nor the hub of one is there."""
    for each in bench.order.spec["benchmarks"]:
        if not each.get("kept") and not Path(each["copy"]).is_dir() and not reachable(hub_of(each)):
            raise no_copy(each)


def no_copy(each: Told) -> WizardError:
    told = {"benchmark": each["id"], "data": each["data"], "path": each["copy"], "hub": hub_of(each)}
    return WizardError("benchmark-no-copy", exit_code=ExitCode.FAILED, **told)


def hub_of(each: Told) -> str:
    own = os.environ.get("HF_ENDPOINT") if each["tool"] == "lm-eval" else None
    return own or HUBS[each["tool"]]


def reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=REACH_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True  # it answered
    except (OSError, ValueError):
        return False


def asked(bench: Bench, subjects: Sequence[Subject]) -> list[Result]:
    """All of them of every subject, first where others may be missing: what a broken-off stage has is asked no more.
    `kept` ones were measured before: they are told of the subjects that have them."""
    sets, found = bench.order.spec["benchmarks"], []
    whole = [(subject, each, known(bench, subject, each)) for subject in subjects for each in sets]
    wanted = [(subject, each, done) for subject, each, done in whole if done or not each.get("kept")]
    for subject, each, done in wanted:
        bench.phase(f"benchmark-{subject.kind}")
        found.append(Result(**(done or answer(bench, subject, each))))
        bench.progress(len(found), len(wanted), "benchmarks")
    return found


def asking(bench: Bench, subject: Subject, each: Told) -> dict[str, Any]:
    """All that an answer depends on, and where it comes to lie."""
    return {
        "subject": subject.name,
        "folder": str(subject.folder),
        "benchmark": {name: value for name, value in each.items() if name != "kept"},
        "spec": {name: bench.order.spec[name] for name in ("device", "seed")},
        "place": str(bench.folder / "benchmarks" / subject.name / each["id"]),
    }


def known(bench: Bench, subject: Subject, each: Told) -> dict[str, Any]:
    """As a Result's fields, where it was answered before; else empty."""
    told = asking(bench, subject, each)
    done = read_json(Path(told["place"]) / "result.json")
    return dict(done["result"]) if done.get("told") == told else {}


def answer(bench: Bench, subject: Subject, each: Told) -> dict[str, Any]:
    """As a Result's fields."""
    told = asking(bench, subject, each)
    place = Path(told["place"])
    write_json(place / "asked.json", told)
    module = f"wizard.stages.evaluating.{MODULES[each['tool']]}"
    program = [sys.executable, "-m", module, str(place / "asked.json")]
    code = subprocess.run(program, env=surroundings(each), stdin=subprocess.DEVNULL, cwd=place).returncode
    answered = read_json(place / "answer.json")
    if code or not answered:
        log = str(bench.folder / "log.txt")
        raise WizardError(
            "benchmark-failed", exit_code=ExitCode.FAILED, benchmark=each["id"], tool=each["tool"], log=log
        )
    result = asdict(result_of(subject.name, each, answered, bench.order.spec))
    write_json(place / "result.json", {"told": told, "result": result})
    return result


def surroundings(each: Told) -> dict[str, str]:
    """Where a copy lies here nothing is asked of a hub; else the tool may fetch one."""
    clean = {name: value for name, value in os.environ.items() if name not in OFFLINE}
    proxied = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    near = ",".join(filter(None, (proxied, "127.0.0.1,localhost")))  # our own server is no business of a proxy
    clean |= {"no_proxy": near, "NO_PROXY": near}
    return {**clean, **(dict.fromkeys(OFFLINE, "1") if Path(each["copy"]).is_dir() else {})}


def result_of(subject: str, each: Told, answered: Told, spec: Told) -> Result:
    dtype = str(number_type(spec)).removeprefix("torch.")
    settings = {
        "tool": each["tool"],
        "task": each["task"],
        "shots": each["shots"],
        "dtype": dtype,
        "seed": spec["seed"],
    }
    return Result(
        subject=subject,
        measure=each["measure"],
        value=float(answered["value"]),
        n=int(answered["n"]),
        direction=each["direction"],
        source=each["id"],
        stderr=answered["stderr"],
        settings={**settings, "version": answered["version"]},
    )
