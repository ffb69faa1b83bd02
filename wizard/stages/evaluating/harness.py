"""One benchmark by lm-eval, in process: a program of its own, started by wizard.stages.evaluating.benchmarks.

python -m wizard.stages.evaluating.harness RUN/06-evaluate/benchmarks/tuned/arc-easy/asked.json
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wizard.journal import read_json, write_json
from wizard.stages.evaluating.subjects import Subject, opened
from wizard.stages.loading import tokenizer_of

TOGETHER = 8


def task_of(benchmark: Mapping[str, Any]) -> str | dict[str, Any]:
    """By its name; where a copy of its data lies here, that name with other data, which only a group may give it."""
    copy = Path(benchmark["copy"])
    if not copy.is_dir():
        return str(benchmark["task"])
    return {"group": "copied", "task": [{"task": benchmark["task"], "dataset_path": str(copy)}]}


def answer(told: Mapping[str, Any]) -> dict[str, Any]:
    """{"value", "stderr", "n", "version"}; the standard error is None where lm-eval tells none."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    benchmark, seed = told["benchmark"], int(told["spec"]["seed"])
    subject = Subject(name=told["subject"], folder=Path(told["folder"]))
    with opened(subject, told["spec"]) as network:
        found = simple_evaluate(
            model=HFLM(pretrained=network, tokenizer=tokenizer_of(subject.folder), batch_size=TOGETHER),
            tasks=[task_of(benchmark)],
            num_fewshot=benchmark["shots"] or None,
            limit=benchmark["n"] or None,
            gen_kwargs={"max_gen_toks": benchmark["answer_tokens"]} if benchmark["answer_tokens"] else None,
            log_samples=False,
            bootstrap_iters=1000,
            random_seed=seed,
            numpy_random_seed=seed,
            torch_random_seed=seed,
            fewshot_random_seed=seed,
        )
    (task,) = found["n-samples"]
    return figures(found["results"][task], str(benchmark["measure"]), found["n-samples"][task]["effective"])


def figures(results: Mapping[str, Any], measure: str, n: int) -> dict[str, Any]:
    """lm-eval names a measure with its filter: `acc,none`, `exact_match,strict-match`."""
    named = next(name for name in results if name == measure or name.partition(",")[0] == measure)
    error = results.get("{}_stderr,{}".format(*named.split(",")))
    told = float(error) if isinstance(error, (int, float)) else None  # else "N/A"
    return {"value": float(results[named]), "stderr": told, "n": n, "version": version("lm-eval")}


if __name__ == "__main__":
    told = read_json(Path(sys.argv[1]))
    write_json(Path(told["place"]) / "answer.json", answer(told))
