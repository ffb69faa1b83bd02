"""Our prepare stage against plain `datasets` and tokenizer on the same rows, with as many processes, in turn.

    python tests/bench/prepare.py --python ENV/bin/python --model FOLDER [--rows 50000] [--rounds 3]

Prints one JSON object: seconds of both (whole programs, their best round), their ratio (ours / plain), and our seconds
when the same data come again. The plain side takes every token as a label; ours finds the answers among them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import wizard
from wizard.journal import Home
from wizard.run import install_lib

LIMIT = 512
WORDS = [
    "the", "of", "and", "to", "in", "is", "that", "it", "was", "for", "on", "are", "as", "with", "his", "they", "at",
    "be", "this", "from", "have", "or", "by", "one", "had", "not", "but", "what", "all", "were", "when", "we",
    "there", "can", "an", "your", "which", "their", "said", "if", "do", "will", "each", "about", "how", "up", "out",
    "them", "then", "she", "many", "some", "so", "these", "would", "other", "into", "has", "more", "her", "two",
    "like", "him", "see", "time", "could", "no", "make", "than", "first", "been", "its", "who", "now", "people",
]  # fmt: skip
CHARACTERS = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然"
    "没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面"
)

PLAIN = """
    import sys
    from datasets import load_dataset
    from transformers import AutoTokenizer

    data, model, limit, processes, cache = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(model)

    def tokens(batch):
        ids = tokenizer.apply_chat_template(
            batch["messages"], tokenize=True, truncation=True, max_length=int(limit), return_dict=True
        )["input_ids"]
        return {"input_ids": ids, "labels": ids}

    rows = load_dataset("json", data_files=data, split="train", cache_dir=cache)
    rows = rows.map(tokens, batched=True, num_proc=int(processes), remove_columns=rows.column_names)
    print(len(rows))
"""


def write_rows(path: Path, count: int) -> None:
    """Two turns, half of them Chinese, of all lengths up to some beyond the limit."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            said = (english, chinese)[number % 2]
            question, answer = said(chance, chance.randrange(5, 60)), said(chance, int(chance.expovariate(1 / 120)) + 3)
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            file.write(json.dumps({"messages": turns}, ensure_ascii=False) + "\n")


def english(chance: random.Random, length: int) -> str:
    return " ".join(chance.choices(WORDS, k=length)) + "."


def chinese(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(CHARACTERS, k=length)) + "。"


def ours(arguments: argparse.Namespace, data: Path, lib: Path, store: Path) -> tuple[float, dict[str, Any]]:
    """Seconds, and what was counted."""
    folder = store / "run" / "02-prepare"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    spec = {"data": {"kind": "path", "sources": [{"ref": str(data)}]}, "knobs": {"seq_len": LIMIT, "seed": 7}}
    order = {"stage": "prepare", "run": "bench", "digest": "", "rung": 0, "attempt": 1}
    order |= {"spec": spec, "inputs": {"fetch": {"model": str(arguments.model)}}}
    (folder / "spec.json").write_text(json.dumps(order | {"home": str(store), "store": str(store)}))
    seconds = timed([str(arguments.python), "-m", "wizard.stages.prepare", str(folder)], PYTHONPATH=str(lib))
    return seconds, json.loads((folder / "done.json").read_text())["result"]


def plain(arguments: argparse.Namespace, data: Path, store: Path) -> float:
    cache, script = store / "plain", store / "plain.py"
    shutil.rmtree(cache, ignore_errors=True)
    script.write_text(textwrap.dedent(PLAIN))
    processes = str(len(os.sched_getaffinity(0)))
    command = [str(arguments.python), str(script), str(data), str(arguments.model), str(LIMIT), processes, str(cache)]
    return timed(command, TOKENIZERS_PARALLELISM="false", HF_HOME=str(cache), HF_DATASETS_CACHE=str(cache))


def timed(command: list[str], **variables: str) -> float:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    begun = time.perf_counter()
    done = subprocess.run(command, env=kept | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ycdy-bench-") as folder:
        store = Path(folder)
        lib = store / "lib" / install_lib(Home(store, store), Path(wizard.__file__).parent)
        data = store / "rows.jsonl"
        write_rows(data, arguments.rows)
        first: list[float] = []
        theirs: list[float] = []
        again: list[float] = []
        counted: dict[str, Any] = {}
        for _ in range(arguments.rounds):
            shutil.rmtree(store / "prepared", ignore_errors=True)
            seconds, counted = ours(arguments, data, lib, store)
            first.append(seconds)
            theirs.append(plain(arguments, data, store))
            again.append(ours(arguments, data, lib, store)[0])
        told = {
            "rows": arguments.rows,
            "tokens": counted["tokens"],
            "ours_seconds": round(min(first), 2),
            "plain_seconds": round(min(theirs), 2),
            "ratio": round(min(first) / min(theirs), 3),
            "again_seconds": round(min(again), 2),
        }
        print(json.dumps(told))


if __name__ == "__main__":
    main()
