"""The command line that starts an engine, from the templates of its TOML file and what lies in the model's folder."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.contract import MOST_OF_A_CARD, head_of, share_of_card
from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json
from wizard.stages.device import cpu_has_bf16
from wizard.stages.voices import kept_apart

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM lets one ask for (vllm/config/lora.py)
POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length")
MANY = "{adapters}"


def command(spec: Mapping[str, Any], model: Path, port: int) -> list[str]:
    """`{adapters}` stands for several arguments. Beside the adapter that was trained the base takes another name: the
    one that is asked for is the adapter's."""
    adapters = adapters_of(spec, model)
    values = {
        "model": str(model),
        "name": f"{spec['served_name']}-base" if spec["served_name"] in adapters else spec["served_name"],
        "host": spec["host"],
        "port": str(port),
        "dtype": spec.get("dtype") or number_type(spec, model),
        "context": str(min(int(spec["context"]), positions_of(model))),
        "head": head_of(spec),
        "share": share() if any("{share}" in part for part in spec["argv"]) else "",
        "count": str(len(adapters)),
        "rank": str(max((largest_rank(name, path, spec) for name, path in adapters.items()), default=0)),
        **spec.get("values", {}),
    }
    parts = [*spec["argv"], *itertools.chain(*spec.get("options", {}).values())]
    return [sys.executable, *filled([*parts, *(spec["adapter_argv"] if adapters else ())], values, adapters)]


def filled(parts: Sequence[str], values: Mapping[str, str], adapters: Mapping[str, Path]) -> Iterator[str]:
    for part in parts:
        if part == MANY:
            yield from (f"{name}={path}" for name, path in adapters.items())
        else:
            yield part.format_map(values)


def adapters_of(spec: Mapping[str, Any], model: Path) -> dict[str, Path]:
    """By the names that a request gives: those beside the model, where the engine is told of them."""
    if not spec.get("adapter_argv"):
        return {}
    found = kept_apart(model, spec["served_name"])
    return {name: path for name, path in found.items() if (path / "adapter_config.json").is_file()}


def largest_rank(name: str, adapter: Path, spec: Mapping[str, Any]) -> int:
    """The least that may be asked for and that this adapter needs; raises adapter-not-served for what is no LoRA."""
    told = read_json(adapter / "adapter_config.json")
    ranks = [int(told.get("r") or 1), *map(int, (told.get("rank_pattern") or {}).values())]
    plain = str(told.get("peft_type", "LORA")) == "LORA" and not told.get("use_dora")
    if not plain or max(ranks) > RANKS[-1]:
        kind = "DoRA" if told.get("use_dora") else f"{told.get('peft_type', 'LORA')}, r={max(ranks)}"
        here = {"name": name, "kind": kind, "engine": spec["engine"], "most": RANKS[-1]}
        raise WizardError("adapter-not-served", exit_code=ExitCode.FAILED, **here)
    return next(most for most in RANKS if most >= max(ranks))


def positions_of(model: Path) -> int:
    """That its config.json has, which may be fewer than its card promises with other rope settings: vLLM refuses to
    start with more (config/model.py)."""
    told = read_json(model / "config.json")
    found = [part.get(name) for part in (told, told.get("text_config") or {}) for name in POSITIONS]
    return min((int(each) for each in found if each), default=1 << 30)


def format_of(model: Path) -> str:
    """How its weights are quantised, as its config.json has it; empty where they are whole."""
    told = read_json(model / "config.json").get("quantization_config") or {}
    return str(told.get("quant_method", ""))


def hold_draft(spec: Mapping[str, Any]) -> None:
    """Raises draft-not-here: a model that guesses beside is not fetched by the run."""
    folder = spec.get("values", {}).get("draft", "")
    if folder and not (Path(folder) / "config.json").is_file():
        raise WizardError("draft-not-here", exit_code=ExitCode.FAILED, draft=Path(folder).name, path=folder)


def share() -> str:
    """Of the card, as it is now: asked in a process of its own, since a context on the card stays while its process
    does. An engine has one too when it looks."""
    code = "import torch; print(*torch.cuda.mem_get_info())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    if len(told) != 2:
        return f"{MOST_OF_A_CARD:g}"
    return f"{share_of_card(int(told[0]), int(told[1])):g}"


def number_type(spec: Mapping[str, Any], model: Path) -> str:
    """fp32 serves 1.7 times faster than bf16 on a CPU without bf16 instructions; a GPU's engine chooses itself.
    Vectors that the merge left in fp32 would lose what was learnt."""
    if spec.get("device", "cpu") != "cpu" or spec["engine"] == "vllm":
        return "auto"
    told = read_json(model / "config.json")
    if head_of(spec) == "embedding" and told.get("dtype", told.get("torch_dtype")) == "float32":
        return "float32"
    return "bfloat16" if cpu_has_bf16() or format_of(model) else "float32"
