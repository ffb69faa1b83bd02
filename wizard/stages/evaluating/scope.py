"""One benchmark by EvalScope, against an endpoint: a program of its own, started by
wizard.stages.evaluating.benchmarks. It serves the model on the loopback interface, behind a key, while it asks.

python -m wizard.stages.evaluating.scope RUN/06-evaluate/benchmarks/tuned/gsm8k/asked.json
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json, write_json
from wizard.stages import engine, ports
from wizard.stages.client import Client
from wizard.stages.evaluating.subjects import number_type
from wizard.stages.guard import KEY_VARIABLE

CONTEXT = 4096
START_SECONDS = 1800.0
ANSWER_TOKENS = 512
PROMPTS = {  # EvalScope's own are Chinese (1.14)
    ("general_mcq", "en"): "Answer the following multiple choice question with the letter of the right choice alone, "
    "in the form 'ANSWER: [LETTER]'.\n\n{question}\n\n{choices}",
}


@contextmanager
def served(told: Mapping[str, Any]) -> Iterator[Client]:
    port, key = ports.claim("127.0.0.1", 0), secrets.token_urlsafe(24)
    client = Client(url=f"http://127.0.0.1:{port}/v1", model=str(told["subject"]), key=key)
    dtype = str(number_type(told["spec"])).removeprefix("torch.")
    place = ["--model", str(told["folder"]), "--name", client.model, "--port", str(port)]
    program = [sys.executable, "-m", "wizard.stages.openai_server", *place, "--dtype", dtype, "--context", str(CONTEXT)]
    engine.adopt_orphans()
    server = engine.start(program, {**os.environ, KEY_VARIABLE: key})
    try:
        healthy(server, client)
        yield client
    finally:
        engine.end(server)


def healthy(server: subprocess.Popen[bytes], client: Client) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not client.healthy():
        if server.poll() is not None or time.monotonic() > deadline:
            raise WizardError("engine-silent", exit_code=ExitCode.FAILED, engine="transformers", log="log.txt")
        time.sleep(0.2)


def arguments(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    """Of the data set, as EvalScope's `dataset_args` has them."""
    told: dict[str, Any] = {"few_shot_num": benchmark["shots"]}
    if Path(benchmark["copy"]).is_dir():
        told["local_path"] = benchmark["copy"]
    if benchmark["subsets"]:
        told["subset_list"] = list(benchmark["subsets"])
    if prompt := PROMPTS.get((benchmark["task"], benchmark["language"])):
        told["prompt_template"] = prompt
    return told


def answer(told: Mapping[str, Any]) -> dict[str, Any]:
    """{"value", "stderr", "n", "version"}; a share's standard error is the binomial one."""
    from evalscope import TaskConfig, run_task

    benchmark, place = told["benchmark"], Path(told["place"]) / "work"
    if benchmark["measure"].lower().startswith("bleu"):
        words_at_hand(benchmark)
    with served(told) as client:
        run_task(
            TaskConfig(
                model=client.model,
                api_url=client.url,
                api_key=client.key,
                eval_type="openai_api",
                datasets=[benchmark["task"]],
                dataset_args={benchmark["task"]: arguments(benchmark)},
                limit=benchmark["n"] or None,
                generation_config={"max_tokens": benchmark["answer_tokens"] or ANSWER_TOKENS, "temperature": 0.0},
                work_dir=str(place),
                no_timestamp=True,
                seed=int(told["spec"]["seed"]),
                collect_perf=False,
            )
        )
    (report,) = (place / "reports").rglob(f"{benchmark['task']}.json")
    return figures(read_json(report), str(benchmark["measure"]))


def words_at_hand(benchmark: Mapping[str, Any]) -> None:
    """Without NLTK's punkt_tab EvalScope reports a BLEU of 0.0 for a perfect answer."""
    import nltk

    try:
        nltk.data.find("tokenizers/punkt_tab")
    except LookupError as error:
        told = {"benchmark": benchmark["id"], "measure": benchmark["measure"], "lacks": "nltk punkt_tab"}
        raise WizardError("benchmark-measure-lacks", exit_code=ExitCode.FAILED, **told) from error


def figures(report: Mapping[str, Any], measure: str) -> dict[str, Any]:
    found = {each["identity"]["name"]: each for each in report["metrics"]}
    named = next(name for name in found if name.lower() in (measure, f"mean_{measure}"))
    score, n = float(found[named]["score"]), int(found[named].get("num") or report.get("num") or 0)
    share = 0 <= score <= 1 and n > 1
    error = (score * (1 - score) / (n - 1)) ** 0.5 if share else None
    return {"value": score, "stderr": error, "n": n, "version": version("evalscope")}


if __name__ == "__main__":
    told = read_json(Path(sys.argv[1]))
    write_json(Path(told["place"]) / "answer.json", answer(told))
