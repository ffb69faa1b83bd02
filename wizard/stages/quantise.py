"""Write the trained model in fewer bits, and measure what that cost: size, perplexity and answers before and after.

python -m wizard.stages.quantise RUN/05-quantise
python -m json.tool RUN/05-quantise/done.json
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench, run
from wizard.stages.merging.saving import in_place
from wizard.stages.quantising import Job, carrying, made, measuring
from wizard.stages.quantising.rows import Drawn, drawn
from wizard.stages.weights import check_model


def work(bench: Bench) -> None:
    order, spec = bench.order, bench.order.spec
    source = order.input("merge", "merged")
    check_model(source)
    hold_alone(source)
    bench.phase("load-libraries")
    rows, device, dtype = rows_of(bench, source), str(spec["device"]), number_type(spec)
    bench.phase("measure-before")
    before = measuring.measured(bench, source, rows.measured, device, dtype)
    part = emptied(bench.folder / "quantised.part")
    bench.phase("quantise")
    chosen_by = rows.chosen_by if spec["calibrated"] else []
    told = made(spec["maker"], job_of(bench, source, part, chosen_by, device, dtype))
    carrying.carry(source, part)
    measuring.let_go()
    bench.phase("measure-after")
    after = measuring.measured(bench, part, rows.measured, device, dtype)
    result = {**compared(source, part, before, after), **told, "measured_on": rows.of, "rows": len(rows.measured)}
    judge(bench, result, rows)
    bench.finish({"quantised": in_place(part, bench.folder / "quantised")}, result)


def hold_alone(source: Path) -> None:
    """An adapter that stays apart lies on weights as they were trained: in fewer bits it would be another's."""
    if (source / "adapter").is_dir():
        raise WizardError("quantise-apart", exit_code=ExitCode.FAILED, path=str(source / "adapter"))


def rows_of(bench: Bench, source: Path) -> Drawn:
    from wizard.stages.loading import tokenizer_of

    spec = bench.order.spec
    outputs = bench.order.inputs["prepare"]
    return drawn(outputs, tokenizer_of(source), seq_len=int(spec["seq_len"]), seed=int(spec["seed"]))


def number_type(spec: Mapping[str, Any]) -> Any:
    import torch

    if spec["device"] == "cpu":
        return {2: torch.bfloat16, 4: torch.float32}[int(spec["weight_bytes"])]
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def emptied(part: Path) -> Path:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    return part


def job_of(bench: Bench, source: Path, part: Path, rows: Sequence[Any], device: str, dtype: Any) -> Job:
    settings = bench.order.spec["quantising"]
    return Job(bench=bench, source=source, part=part, rows=rows, settings=settings, device=device, dtype=dtype)


def compared(source: Path, part: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Of both: bytes of the weights, perplexity, answers. `worse`: the share by which perplexity rose."""
    return {
        "bytes": {"before": carrying.weights_bytes(source), "after": carrying.weights_bytes(part)},
        "perplexity": {"before": before["perplexity"], "after": after["perplexity"]},
        "answers": {"before": before["answers"], "after": after["answers"]},
        "worse": round(after["perplexity"] / before["perplexity"] - 1, 4),
    }


def judge(bench: Bench, result: Mapping[str, Any], rows: Drawn) -> None:
    """What a person must know of it; nothing is thrown away: the trained model stays where it is."""
    most, worse = float(bench.order.spec["most_worse"]), float(result["worse"])
    told = {"format": bench.order.spec["format"], "most": most, "worse": worse, **numbers(result)}
    if worse > most:
        bench.note("quantised-worse", "error", **told, path=str(bench.order.input("merge", "merged")))
    else:
        bench.note("quantised", **told)
    if rows.of == "rows":
        bench.note("measured-on-rows", rows=len(rows.measured))


def numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    sides = ("before", "after")
    sizes, told = result["bytes"], result["perplexity"]
    return {f"{side}_bytes": sizes[side] for side in sides} | {f"{side}_perplexity": told[side] for side in sides}


if __name__ == "__main__":
    run(work)
