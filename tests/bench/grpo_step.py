"""A step of GRPO in our train stage against one of a plain TRL script with the same settings, run in turn.

    python tests/bench/grpo_step.py --python ENV/bin/python --model FOLDER [--rounds 3]

Prints one JSON object: seconds per step of both, their ratio (plain / ours: 1 is as fast, more is faster), and whether
rewards and losses are the same in each step. What else runs on the machine only ever adds to a step, so the median of
the fastest quarter is compared. Ours judges by a file in a process of its own, the plain script by the same function.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import wizard
from tests.bench.train_step import gaps, run, undisturbed
from tests.unit.stages.programs import LORA
from wizard.journal import Home
from wizard.run import install_lib
from wizard.stages.device import cpu_has_bf16

PLAIN = Path(__file__).parents[1] / "unit" / "stages" / "plain_grpo.py"
KNOBS = {
    "seq_len": 128, "micro_batch": 4, "accumulate": 1, "rank": 4, "alpha": 8, "targets": ["all-linear"],
    "learning_rate": 1e-3, "epochs": 1.0, "optimizer": "adamw_torch", "grad_ckpt": False, "packing": False,
    "save_steps": 1000, "seed": 7,
}  # fmt: skip
SETTINGS = {"num_generations": 4, "max_completion_length": 32, "beta": 0.04}
LETTERS = """
def reward(prompts, completions, **columns):
    return [sum(sign.isascii() and sign.isalpha() for sign in text) / max(1, len(text)) for text in completions]
"""
ASKED = [f"What is {n} and {n}?" for n in range(64)]


def plain(options: Any, folder: Path, lib: Path) -> list[dict[str, float]]:
    folder.mkdir()
    rows = [{"prompt": [{"role": "user", "content": asked}], "solution": ""} for asked in ASKED]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = SETTINGS | {
        "per_device_train_batch_size": 4, "learning_rate": 1e-3, "max_steps": options.steps, "seed": 7, "data_seed": 7,
        "optim": "adamw_torch", "use_cpu": True, "bf16": cpu_has_bf16(), "save_strategy": "no", "logging_steps": 1,
        "gradient_checkpointing": False, "report_to": "none", "disable_tqdm": True,
    }  # fmt: skip
    files = [options.model, str(folder / "rows.jsonl"), str(folder / "out.json"), json.dumps(told)]
    run([options.python, str(PLAIN), *files], lib, folder / "log.txt")
    return [line for line in json.loads((folder / "out.json").read_text()) if "loss" in line]


def ours(options: Any, folder: Path, lib: Path) -> list[dict[str, float]]:
    folder.mkdir()
    (folder / "letters.py").write_text(LETTERS)
    settings = {**SETTINGS, "reward_file": str(folder / "letters.py")}
    spec: dict[str, Any] = {"trainer": "grpo", "settings": settings, "method": LORA, "device": "cpu"}
    order = {"stage": "train", "run": "bench", "digest": "", "rung": 0, "attempt": 1}
    order |= {
        "spec": {**spec, "knobs": KNOBS | {"max_steps": options.steps}},
        "home": str(folder),
        "store": str(folder),
    }
    inputs = {"fetch": {"model": options.model}, "prepare": {"rows": options.rows}}
    (folder / "spec.json").write_text(json.dumps(order | {"inputs": inputs}))
    run([options.python, "-m", "wizard.stages.train", str(folder)], lib, folder / "log.txt")
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{"at": line["at"], **line["values"]} for line in lines]


def prepared(options: Any, folder: Path, lib: Path) -> str:
    folder.mkdir()
    rows = [{"question": asked, "answer": ""} for asked in ASKED]
    order = {"stage": "prepare", "run": "bench", "digest": "", "rung": 0, "attempt": 1}
    order |= {"spec": {"rows": rows, "data": {}, "task": "grpo", "knobs": KNOBS}}
    order |= {"inputs": {"fetch": {"model": options.model}}, "home": str(folder), "store": str(folder)}
    (folder / "spec.json").write_text(json.dumps(order))
    run([options.python, "-m", "wizard.stages.prepare", str(folder)], lib, folder / "log.txt")
    return str(folder / "rows.arrow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="of a trl environment")
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=15)
    options = parser.parse_args()
    seconds: dict[Any, list[float]] = {plain: [], ours: []}
    same = True
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        home = Home(root, root)
        lib = home.lib / install_lib(home, Path(wizard.__file__).parent)
        options.rows = prepared(options, root / "rows", lib)
        for number in range(options.rounds):
            told = {}
            for side in (ours, plain) if number % 2 else (plain, ours):  # neither is always the first
                told[side] = side(options, root / f"{side.__name__}{number}", lib)
                seconds[side] += gaps([line["at"] for line in told[side]])
            names = ("reward", "loss", "kl")
            same = same and all(
                [line[name] for line in told[ours]] == [line[name] for line in told[plain]] for name in names
            )
    one, other = undisturbed(seconds[ours]), undisturbed(seconds[plain])
    told_all = {"ours_seconds": round(one, 4), "plain_seconds": round(other, 4), "ratio": round(other / one, 4)}
    print(json.dumps({**told_all, "same": same, "steps": len(seconds[ours])}))


if __name__ == "__main__":
    main()
