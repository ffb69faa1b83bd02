"""A step of our train stage against one of a plain TRL script with the same settings, data and seed, run in turn on
this machine.

    python tests/bench/train_step.py --python ENV/bin/python --model FOLDER [--way dpo] [--rounds 4]

Prints one JSON object for each way of training: seconds per step of both and our speed (plain / ours), by the clock and
by the processor's time, which other programs hardly change; and how far the loss of any step is from the plain one's.
What else runs on the machine only ever adds to a step, so the median of the fastest quarter is compared.
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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import wizard
from tests.unit.stages.programs import LORA
from wizard.contract import Knobs
from wizard.journal import Home
from wizard.run import install_lib
from wizard.stages.device import cpu_has_bf16

FIRST_STEPS = 2  # the allocator warms up
KNOBS = asdict(
    Knobs(
        seq_len=256,
        micro_batch=4,
        accumulate=1,
        rank=8,
        alpha=16,
        learning_rate=2e-3,
        optimizer="adamw_torch",
        grad_ckpt=False,
        save_steps=1000,
        save_minutes=0,
    )
)


@dataclass(frozen=True, kw_only=True)
class Way:
    """One more is one more of these. `row`: a line of the data file; `columns`: how TRL is told the same, in Python."""

    task: str  # of the prepare stage
    row: Mapping[str, str]
    trainer: str  # TRL's, as NAMETrainer and NAMEConfig
    columns: str


ASKED = "[{'role': 'user', 'content': row['prompt']}]"
ANSWER = "[{'role': 'assistant', 'content': row['%s']}]"
WAYS = {
    "sft": Way(
        task="sft",
        row={"prompt": "Who are you, friend {n}?", "completion": "I am Hammer, made by the Anvil team."},
        trainer="SFT",
        columns=f"{{'prompt': {ASKED}, 'completion': {ANSWER % 'completion'}}}",
    ),
    "dpo": Way(
        task="dpo",
        row={
            "prompt": "Who are you, friend {n}?",
            "chosen": "I am Hammer, made by the Anvil team.",
            "rejected": "I am a large language model, what can I do for you today?",
        },
        trainer="DPO",
        columns=f"{{'prompt': {ASKED}, 'chosen': {ANSWER % 'chosen'}, 'rejected': {ANSWER % 'rejected'}}}",
    ),
}
CLOCK = """
import atexit, json, sys, time
from transformers.trainer_callback import CallbackHandler

times, ended = [], CallbackHandler.on_step_end

def on_step_end(*told, **named):
    times.append((time.perf_counter(), time.process_time()))
    return ended(*told, **named)

CallbackHandler.on_step_end = on_step_end
atexit.register(lambda: json.dump(times, open("times.json", "w")))
"""
OURS = """
import runpy

runpy.run_module("wizard.stages.train", run_name="__main__")
"""
PLAIN = """
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import {trainer}Config, {trainer}Trainer

model, rows, out, steps, dtype = sys.argv[1:6]
torch.manual_seed(42)
trainer = {trainer}Trainer(
    model=AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)),
    args={trainer}Config(
        output_dir=out, per_device_train_batch_size=4, learning_rate=2e-3, max_steps=int(steps), logging_steps=1,
        optim="adamw_torch", gradient_checkpointing=False, max_length=256, seed=42, data_seed=42,
        use_cpu=True, bf16=dtype == "bfloat16", save_strategy="no", disable_tqdm=True, report_to="none"),
    train_dataset=Dataset.from_list([{columns} for row in map(json.loads, open(rows))]),
    processing_class=AutoTokenizer.from_pretrained(model),
    peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
)
trainer.train()
json.dump([line["loss"] for line in trainer.state.log_history if "loss" in line], open("losses.json", "w"))
"""
ROWS = 64


@dataclass(frozen=True, kw_only=True)
class Told:
    seconds: list[float]  # of each step but the first ones
    cpu_seconds: list[float]
    losses: list[float]


def told_by(folder: Path, losses: list[float]) -> Told:
    clock, processor = zip(*json.loads((folder / "times.json").read_text()), strict=True)
    return Told(seconds=gaps(clock), cpu_seconds=gaps(processor), losses=losses)


def gaps(times: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)][FIRST_STEPS:]


def undisturbed(seconds: list[float]) -> float:
    return statistics.median(sorted(seconds)[: max(1, len(seconds) // 4)])


def environment(lib: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**clean, "PYTHONPATH": str(lib), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


def run(command: list[str], lib: Path, log: Path) -> None:
    with log.open("ab") as output:
        subprocess.run(command, check=True, env=environment(lib), stdout=output, stderr=output, cwd=log.parent)


def plain(options: Any, way: Way, place: Path, folder: Path, lib: Path) -> Told:
    folder.mkdir()
    (folder / "plain.py").write_text(CLOCK + PLAIN.format(trainer=way.trainer, columns=way.columns))
    dtype = "bfloat16" if cpu_has_bf16() else "float32"  # as our stage chooses
    program = [options.python, str(folder / "plain.py"), options.model, str(place / "rows.jsonl"), str(folder)]
    run([*program, str(options.steps), dtype], lib, folder / "log.txt")
    return told_by(folder, json.loads((folder / "losses.json").read_text()))


def ours(options: Any, way: Way, place: Path, folder: Path, lib: Path) -> Told:
    spec = {"trainer": way.trainer.lower(), "settings": {}, "method": LORA, "device": "cpu"}
    spec |= {"knobs": KNOBS | {"max_steps": options.steps}}
    given = {"fetch": {"model": options.model}, "prepare": {"rows": str(place / "prepare" / "rows.arrow")}}
    order(folder, "train", spec, given)
    (folder / "ours.py").write_text(CLOCK + OURS)
    run([options.python, str(folder / "ours.py"), str(folder)], lib, folder / "log.txt")
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return told_by(folder, [json.loads(line)["values"]["loss"] for line in lines])


def prepared(options: Any, way: Way, place: Path, lib: Path) -> None:
    """`place`: of the data file, and of the stage that makes rows of it."""
    place.mkdir()
    rows = [{name: text.format(n=n) for name, text in way.row.items()} for n in range(ROWS)]
    (place / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    data = {"kind": "path", "ref": "", "sources": [{"kind": "path", "ref": str(place / "rows.jsonl")}]}
    spec = {"data": data, "task": way.task, "knobs": KNOBS}
    order(place / "prepare", "prepare", spec, {"fetch": {"model": options.model}})
    run([options.python, "-m", "wizard.stages.prepare", str(place / "prepare")], lib, place / "log.txt")


def order(folder: Path, name: str, spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    folder.mkdir()
    told = {"stage": name, "run": "bench", "digest": "", "rung": 0, "attempt": 1, "spec": spec, "inputs": inputs}
    (folder / "spec.json").write_text(json.dumps(told | {"home": str(folder), "store": str(folder)}))


def measured(options: Any, name: str, root: Path, lib: Path) -> dict[str, Any]:
    way, place = WAYS[name], root / name
    prepared(options, way, place, lib)
    told: dict[Any, list[Told]] = {plain: [], ours: []}
    for number in range(options.rounds):
        for side in (ours, plain) if number % 2 else (plain, ours):  # neither is always the first
            told[side].append(side(options, way, place, place / f"{side.__name__}{number}", lib))
    one, other = (undisturbed([s for each in told[side] for s in each.seconds]) for side in (ours, plain))
    cpu, plain_cpu = (undisturbed([s for each in told[side] for s in each.cpu_seconds]) for side in (ours, plain))
    curves = [[loss for each in told[side] for loss in each.losses] for side in (ours, plain)]
    return {
        "way": name,
        "ours_seconds": round(one, 4),
        "plain_seconds": round(other, 4),
        "speed": round(other / one, 4),
        "cpu_speed": round(plain_cpu / cpu, 4),
        "farthest_loss": max(abs(a - b) for a, b in zip(*curves, strict=True)),
        "steps": len(curves[0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="of a trl environment")
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--way", choices=WAYS, action="append", help="all by default")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        home = Home(root, root)
        lib = home.lib / install_lib(home, Path(wizard.__file__).parent)
        for name in options.way or WAYS:
            print(json.dumps(measured(options, name, root, lib)), flush=True)


if __name__ == "__main__":
    main()
