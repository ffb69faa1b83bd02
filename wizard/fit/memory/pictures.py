"""What a tower holds of the pictures of a micro-batch: its layers read patches as a language model's read tokens.

A micro-batch has so many pictures whatever its length, so all of it is fixed beside the tokens. Sizes are those of a
picture as large as the model's processor makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wizard.fit.memory.step import Step
from wizard.fit.reading.shape import adapted, as_layers, layer_groups
from wizard.fit.recording.decoder import layer, reading
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.tape import Moment


class Pictures(NamedTuple):
    """What is kept until the tower's own backward, and the highest bytes beside it in each direction."""

    kept: int = 0
    forward: int = 0
    backward: int = 0


def pictures(step: Step, mode: Mode, stream: int) -> Pictures:
    """Nothing where no picture is seen; a tower that learns nothing keeps nothing."""
    t = step.architecture.tower
    if not step.images or not t:
        return Pictures()
    a = as_layers(t)
    ((count, modules),) = layer_groups(a)
    seen, patches = step.images * t.positions, step.images * t.positions**2
    if step.blind or (not step.trains_all and "all-linear" not in step.targets):
        moments = reading(a, modules, mode, stream=stream)
        return Pictures(forward=highest(moments, seen, patches))
    own = mode if step.trains_all else mode._replace(targets=adapted(a, modules, tuple(sorted(step.targets))))
    record = layer(a, modules, own, checkpointing=step.checkpointing, stream=stream)
    each = record.kept.at(seen, patches)
    return Pictures(
        kept=count * each,
        forward=(count - 1) * each + highest(record.forward, seen, patches),
        backward=(count - 1) * each + highest(record.backward, seen, patches),
    )


def highest(moments: Sequence[Moment], tokens: int, squares: int) -> int:
    return max((moment.total.at(tokens, squares) for moment in moments), default=0)
