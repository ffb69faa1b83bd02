"""What a layer does with each token alone, on a tape: the MLP, and experts among which a router chooses."""

from __future__ import annotations

from wizard.contract import Architecture
from wizard.fit.reading.shape import Linear
from wizard.fit.recording import habits, ops
from wizard.fit.recording.mixers import Group
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.projections import linear
from wizard.fit.recording.tape import Buffer, Tape, Value

INDEX = 8  # bytes of an int64


def feed(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    if "expert:gate_up_proj" in group:
        return _routed(tape, a, mode, x, group, held)
    return mlp(tape, a, mode, x, group, held)


def mlp(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    if not a.gated:
        up = linear(tape, mode, x, group["up_proj"], held)
        del x
        boxed = [up]
        del up
        return linear(tape, mode, activated(tape, a, mode, boxed.pop()), group["down_proj"], held)
    inner = _gated(tape, mode, x, group, held)
    del x
    return linear(tape, mode, inner, group["down_proj"], held)


def activated(tape: Tape, a: Architecture, mode: Mode, x: Value) -> Value:
    return ops.gelu_new(tape, mode, x) if a.kind in habits.GELU_NEW else ops.unary(tape, x)


def _gated(tape: Tape, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    if "up_proj" in group:
        gate = linear(tape, mode, x, group["gate_proj"], held)
        if mode.compiled:
            return ops.gated(tape, gate, linear(tape, mode, x, group["up_proj"], held))
        active = ops.unary(tape, gate)
        del gate
        return ops.multiply(tape, active, linear(tape, mode, x, group["up_proj"], held))
    both = linear(tape, mode, x, group["gate_proj"], held)
    gate, up = ops.split(tape, both, [both.wide // 2] * 2)
    del both
    if mode.compiled:
        return ops.gated(tape, gate, up)
    return ops.multiply(tape, ops.unary(tape, gate), up)


def _routed(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    """transformers' grouped products: tokens in the order of their experts, each as often as it has experts."""
    scores = _router(tape, a, mode, x, group["router:gate"], held)
    many = a.experts_per_token
    picked = _reordered(tape, x, many * x.wide, many)
    up = _experts(tape, mode, picked, group["expert:gate_up_proj"], many, held)
    del picked
    gate, up = ops.split(tape, up, [up.wide // 2] * 2)
    inner = ops.multiply(tape, ops.unary(tape, gate), up)
    del gate, up
    down = _experts(tape, mode, inner, group["expert:down_proj"], many, held)
    del inner
    weighted = ops.multiply(tape, down, scores)
    del down
    ordered = _reordered(tape, weighted, weighted.wide, many)
    del weighted
    out = ops.scale(tape, ordered, x.wide)
    del ordered
    shared = {name: each for name, each in group.items() if not name.startswith(("expert:", "router:"))}
    if "down_proj" not in shared:
        return out
    return ops.add(tape, out, mlp(tape, a, mode, x, shared, held))


def _router(tape: Tape, a: Architecture, mode: Mode, x: Value, gate: Linear, held: list[Buffer]) -> Value:
    """Scores of all experts in fp32, of which a few are picked; as wide as what they weigh, for one number each."""
    number, experts, wide = x.number, a.experts, x.wide
    logits = tape.new(experts * number)
    full = tape.new(experts * 4)
    soft = tape.new(experts * 4)
    kept = [tape.save(soft), tape.save(x.buffer) if mode.trains_all else tape.save(None)]
    del logits, full, soft
    chosen = tape.new(a.experts_per_token * (number + INDEX))

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        spread, through = tape.new(experts * 4, kind="backward"), tape.new(experts * 4, kind="backward")
        low = tape.new(experts * number, kind="backward")
        del spread, through, low
        if mode.trains_all:
            held.append(tape.new(fixed=gate.size * mode.weight, kind="gradients"))
        return [tape.new(wide * number, kind="backward")]

    return Value(chosen, a.experts_per_token, number, tape.node([x], back))


def _reordered(tape: Tape, x: Value, wide: int, many: int) -> Value:
    """Rows by index; the indices are kept."""
    before, number = x.wide, x.number
    order = tape.new(many * INDEX)
    kept = tape.save(order)
    del order
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(before * number, kind="backward")]

    return Value(made, wide, number, tape.node([x], back))


def _experts(tape: Tape, mode: Mode, x: Value, of: Linear, many: int, held: list[Buffer]) -> Value:
    """A grouped product. An adapter of experts is a change of their whole weights, made anew and added to them."""
    number, wide_in, wide_out = x.number, many * of.wide_in, many * of.wide_out
    size = of.size * of.copies
    adapted = not mode.trains_all and f"expert:{of.name}" in mode.targets
    weight = None
    if adapted:
        change = tape.new(fixed=size * mode.weight, kind="adapted")
        weight = tape.new(fixed=size * mode.weight, kind="adapted")
        del change
    kept = [tape.save(weight), tape.save(x.buffer if mode.trains_all or adapted else None)]
    del weight
    made = tape.new(wide_out * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        found = tape.new(wide_in * number, kind="backward")
        if mode.trains_all:
            held.append(tape.new(fixed=size * mode.weight, kind="gradients"))
        elif adapted:
            whole = tape.new(fixed=size * mode.weight, kind="adapted")
            del whole
        return [found]

    return Value(made, wide_out, number, tape.node([x], back))
