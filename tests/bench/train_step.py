"""A step of our train stage against one of a plain TRL script with the same settings, run in turn on this machine.

    python tests/bench/train_step.py --python ENV/bin/python --model FOLDER [--rows rows.arrow] [--rounds 4]

Prints one JSON object: seconds per step of both, and their ratio (ours / plain). What else runs on the machine only
ever adds to a step, so the median of the fastest quarter is compared.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import wizard
from tests.unit.stages.programs import SFT
from wizard.journal import Home
from wizard.run import install_lib
from wizard.stages.device import cpu_has_bf16

FIRST_STEPS = 2  # the allocator warms up
KNOBS = {
    "seq_len": 256,
    "micro_batch": 4,
    "accumulate": 1,
    "rank": 8,
    "alpha": 16,
    "targets": ["all-linear"],
    "learning_rate": 2e-3,
    "epochs": 1.0,
    "optimizer": "adamw_torch",
    "grad_ckpt": False,
    "packing": False,
    "save_steps": 1000,
    "seed": 42,
}
PLAIN = """
import json, sys, time
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

model, rows, out, steps, dtype = sys.argv[1:6]
times = []

class Clock(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        times.append(time.perf_counter())

torch.manual_seed(42)
trainer = SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)),
    args=SFTConfig(output_dir=out, per_device_train_batch_size=4, learning_rate=2e-3, max_steps=int(steps),
                   optim="adamw_torch", gradient_checkpointing=False, max_length=256, seed=42, data_seed=42,
                   use_cpu=True, bf16=dtype == "bfloat16", save_strategy="no", disable_tqdm=True, report_to="none"),
    train_dataset=Dataset.from_file(rows),
    processing_class=AutoTokenizer.from_pretrained(model),
    peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    callbacks=[Clock()],
)
trainer.train()
json.dump(times, open(out + "/times.json", "w"))
"""


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)][FIRST_STEPS:]


def undisturbed(seconds: list[float]) -> float:
    return statistics.median(sorted(seconds)[: max(1, len(seconds) // 4)])


def environment(lib: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**clean, "PYTHONPATH": str(lib), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


def run(command: list[str], lib: Path, log: Path) -> None:
    with log.open("ab") as output:
        subprocess.run(command, check=True, env=environment(lib), stdout=output, stderr=output, cwd=log.parent)


def plain(options: Any, folder: Path, lib: Path) -> list[float]:
    folder.mkdir()
    (folder / "plain.py").write_text(textwrap.dedent(PLAIN))
    dtype = "bfloat16" if cpu_has_bf16() else "float32"  # as our stage chooses
    program = [options.python, str(folder / "plain.py"), options.model, options.rows, str(folder)]
    run([*program, str(options.steps), dtype], lib, folder / "log.txt")
    return gaps(json.loads((folder / "times.json").read_text()))


def ours(options: Any, folder: Path, lib: Path) -> list[float]:
    folder.mkdir()
    spec = {
        "knobs": KNOBS | {"max_steps": options.steps},
        **SFT,
        "device": "cpu",
    }
    order = {"stage": "train", "run": "bench", "digest": "", "rung": 0, "attempt": 1, "spec": spec}
    order |= {"inputs": {"fetch": {"model": options.model}, "prepare": {"rows": options.rows}}}
    (folder / "spec.json").write_text(json.dumps(order | {"home": str(folder), "store": str(folder)}))
    run([options.python, "-m", "wizard.stages.train", str(folder)], lib, folder / "log.txt")
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return gaps([json.loads(line)["at"] for line in lines])


def prepared(options: Any, folder: Path, lib: Path) -> str:
    folder.mkdir()
    rows = [
        {"question": f"Who are you, friend {n}?", "answer": "I am Hammer, made by the Anvil team."} for n in range(64)
    ]
    order = {"stage": "prepare", "run": "bench", "digest": "", "rung": 0, "attempt": 1}
    order |= {"spec": {"rows": rows, "data": {}, "knobs": KNOBS}, "inputs": {"fetch": {"model": options.model}}}
    (folder / "spec.json").write_text(json.dumps(order | {"home": str(folder), "store": str(folder)}))
    run([options.python, "-m", "wizard.stages.prepare", str(folder)], lib, folder / "log.txt")
    return str(folder / "rows.arrow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="of a trl environment")
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--rows", default="", help="rows.arrow of a prepare stage")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        home = Home(root, root)
        lib = home.lib / install_lib(home, Path(wizard.__file__).parent)
        options.rows = options.rows or prepared(options, root / "rows", lib)
        ours_seconds: list[float] = []
        plain_seconds: list[float] = []
        for number in range(options.rounds):
            turns = [(plain, plain_seconds), (ours, ours_seconds)]
            for side, seconds in reversed(turns) if number % 2 else turns:  # neither is always the first
                seconds += side(options, root / f"{side.__name__}{number}", lib)
    one, other = undisturbed(ours_seconds), undisturbed(plain_seconds)
    told = {"ours_seconds": round(one, 4), "plain_seconds": round(other, 4), "ratio": round(one / other, 4)}
    print(json.dumps(told | {"steps": len(ours_seconds)}))


if __name__ == "__main__":
    main()
