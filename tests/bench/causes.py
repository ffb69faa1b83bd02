"""Two causes of misses that can be computed: what a stack is known to keep beyond a case's words, added to the law.

python tests/bench/causes.py

It shows that the causes are the right ones. Neither belongs to the law: our own stage runs a later bitsandbytes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.unit.fit.published import GIB, OLD_BITSANDBYTES, Outcome, outcomes, unsaid  # noqa: E402
from wizard.fit.memory import held  # noqa: E402
from wizard.fit.memory.step import Step  # noqa: E402
from wizard.fit.reading.shape import block_params  # noqa: E402
from wizard.fit.recording import habits  # noqa: E402

SHARED_NORM = ("falcon", "phi")  # attention and MLP read one normed tensor (litgpt/config.py, shared_attention_norm)


def hoarded(step: Step) -> int:
    """bitsandbytes 0.42 keeps each product's input on the graph's node, not among the tensors that a backward frees:
    this step's and, until the next loss is there, the last step's. Attention's output is kept anyway this once."""
    a = step.architecture
    shared = a.kind in SHARED_NORM and a.kind in habits.PARALLEL
    read = a.hidden * (1 if shared else 2) + a.intermediate
    return 2 * step.tokens * a.layers * (read + a.heads * a.head_dim + read)


def loading(step: Step) -> int:
    """litgpt quantises the head too, and loads it first, into a model that is there already: beside the embedding in
    bf16 and all products in 4 bits there are the head in bf16, in fp16 and anew in 4 bits."""
    a, packed = step.architecture, held.PACKED[step.base]
    head = a.vocab * a.hidden  # numbers; the embedding has as many
    small = max(step.params - block_params(a) - 2 * head, 0)  # biases and norms
    return int((block_params(a) + 2 * head) * packed + (head + head + head + small) * 2)


def told(one: Outcome, forecast: int) -> float:
    off = forecast / one.measured - 1
    sizes = f"{one.measured / GIB:6.2f} GiB  law {one.forecast / GIB:6.2f} {one.error:+6.1%}"
    print(f"  {one.row['id']:20} {one.row['model']:24} {sizes}  with it {forecast / GIB:6.2f} {off:+6.1%}")
    return off


def main() -> None:
    print(f"litgpt's QLoRA: {OLD_BITSANDBYTES}")
    old = [one for one in outcomes("train") if unsaid(one.row) == OLD_BITSANDBYTES]
    found = [told(one, one.forecast + hoarded(one.step)) for one in old]
    print(f"  median {median(abs(one.error) for one in old):.1%}, with it {median(map(abs, found)):.1%}")
    print("litgpt's inference in 4 bits: the head is quantised, and the peak is its loading")
    packed = [one for one in outcomes("infer") if one.source == "Lightning-AI/litgpt" and one.row["method"] != "none"]
    found = [told(one, loading(one.step)) for one in packed]
    print(f"  median {median(abs(one.error) for one in packed):.1%}, with it {median(map(abs, found)):.1%}")


if __name__ == "__main__":
    main()
