"""What each key allows and all keys together do not: cases that no program could run."""

from __future__ import annotations

from wizard.contract import Architecture
from wizard.errors import WizardError
from wizard.fit.asking.spellings import WHOLE_MODEL
from wizard.fit.memory.step import BITS, Step
from wizard.fit.reading.shape import params_of

MOST_PARAMS = 10**15  # no model has as many


def refuse(step: Step, *, longest: int = 0) -> None:
    if longest and step.seq_len > longest:
        raise WizardError("case-too-long", seq_len=step.seq_len, longest=longest)
    if step.images and not step.architecture.tower:
        raise WizardError("case-images-without-tower", images=step.images)
    if step.task == "infer" and (step.zero or step.offload):
        raise WizardError("case-infer-in-shards")
    _cards(step)
    quantised = step.base in BITS
    if step.kbit_prepare and not quantised:
        raise WizardError("case-kbit-unquantised", base=step.base)
    if step.task == "infer":
        return
    if step.trains_all and quantised:
        raise WizardError("case-full-quantised", base=step.base)
    if not step.trains_all and step.optimizer in WHOLE_MODEL:
        raise WizardError("case-optimizer-needs-full", optimizer=step.optimizer)
    if step.in_backward and step.accumulates:
        raise WizardError("case-in-backward-accumulates")
    if step.zero and step.optimizer in WHOLE_MODEL:
        raise WizardError("case-optimizer-in-shards", optimizer=step.optimizer)


def _cards(step: Step) -> None:
    if step.zero and step.in_backward:
        raise WizardError("case-in-backward-shared", zero_stage=step.zero)
    if step.zero and step.cards == 1 and not step.offload:
        raise WizardError("case-zero-on-one-card", zero_stage=step.zero)
    if step.offload and not step.zero:
        raise WizardError("case-offload-without-zero")
    if step.zero == 3 and step.base == "int8":
        raise WizardError("case-int8-in-shards")


def contradiction_in(a: Architecture) -> str:
    """The numbers of a config that cannot be of one model; empty where there are none."""
    if a.kv_heads < 1 or a.heads % a.kv_heads:
        return f"num_attention_heads {a.heads}, num_key_value_heads {a.kv_heads}"
    if a.head_dim < 1:
        return f"hidden_size {a.hidden}, num_attention_heads {a.heads}"
    if a.experts_per_token > a.experts:
        return f"num_experts {a.experts}, num_experts_per_tok {a.experts_per_token}"
    whole = params_of(a) + (a.tower.params if a.tower else 0)
    return "" if 0 < whole < MOST_PARAMS else f"hidden_size {a.hidden:.6g}, num_hidden_layers {a.layers:.6g}"
