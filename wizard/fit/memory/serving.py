"""The memory law of inference: weights, the key-value cache at a length, and the widest moment of reading a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from wizard.fit.memory import held
from wizard.fit.memory.cache import cached
from wizard.fit.memory.layers import mode_of, plain, stream_of
from wizard.fit.memory.moments import Instant, add, instant
from wizard.fit.memory.pictures import pictures
from wizard.fit.memory.step import Step
from wizard.fit.reading.shape import layer_groups, linears
from wizard.fit.recording.decoder import reading
from wizard.fit.recording.tape import Size


def instants(step: Step) -> Iterator[Instant]:
    """Loading (a weight that is quantised is there in 16 bits too), then a prompt of the full length. Of several cards
    the fullest: whole layers are dealt out evenly, as accelerate's `device_map="auto"` does it."""
    a, mine = step.architecture, ceil(step.architecture.layers / step.cards)
    weights = held.weights(step) if step.cards == 1 else _dealt(step, mine)
    mode, stream = mode_of(step), stream_of(step)
    before = {"weights": Size(fixed=weights)}
    add(before, "colocated", Size(fixed=step.colocated_bytes))
    if mode.bits:
        largest = max(each.size for each in linears(a) if each.is_module)
        yield instant("load", {**before, "dequantised": Size(fixed=largest * 2)})
    always = dict(before)
    for share, length in cached(a):
        dealt = share * mine // a.layers
        whole = Size(fixed=dealt * min(length, step.seq_len) * step.micro_batch) if length else Size(dealt)
        add(always, "cache", whole)
    if seen := pictures(step, mode, stream).forward:
        yield instant("prompt", {**before, "pictures": Size(fixed=seen)})
    head = mode._replace(bits=0)
    for _, modules in layer_groups(a):
        for moment in reading(plain(a), modules, mode, stream=stream):
            yield instant("prompt", always, moment)
    logits = Size(fixed=a.vocab * (head.compute + 4) * step.micro_batch)  # of the last token, and in fp32 to draw from
    yield instant("prompt", {**always, "hidden": Size(a.hidden * stream), "logits": logits})


def _dealt(step: Step, layers: int) -> int:
    """So many layers, and one end of the model: the first card has the embedding, the last one the head."""
    a, end = step.architecture, held.embedding_params(step) * held.number_of(step)
    ends = end if a.tied else 2 * end
    return (held.weights(step) - ends) * layers // a.layers + end
