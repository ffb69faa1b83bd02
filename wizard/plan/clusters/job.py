"""What a cluster has to know of a plan: how many machines of what, for how long, and the run's own TOML."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from math import ceil

from wizard.contract import Plan
from wizard.contract.sharing import contradiction
from wizard.errors import WizardError
from wizard.plan.write import to_toml

GIB = 1024**3
SPARE = 1.5  # of the forecast's hours: a job that ends by the clock has lost an hour's queueing, no work
CPUS_A_CARD = 8
NAME = 40  # letters: JobSet makes hosts' names of it, which may have 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    name: str  # letters, digits and dashes: a DNS label
    nodes: int
    cards: int  # of each machine; 0: on the CPU
    cpus: int
    ram_gib: int
    minutes: int
    toml: str


def job_of(plan: Plan, nodes: int = 0) -> Job:
    """`nodes`: other than the plan's own; 0 leaves it. What is trained is then served by whoever wants to: a cluster's
    job ends."""
    knobs = replace(plan.choice.knobs, nodes=nodes or plan.choice.knobs.nodes)
    plan = replace(plan, choice=replace(plan.choice, knobs=knobs, serve=False))
    apart = len(plan.forecast.generator.gpus) if plan.forecast.generator else 0
    if found := contradiction(asdict(knobs), generator=apart > 0):
        raise WizardError(found.code, **found.params)
    cards = knobs.n_gpus + apart if plan.device == "cuda" else 0
    seconds = sum(stage.seconds for stage in plan.stages if not stage.service)
    return Job(
        name=label(plan.run),
        nodes=knobs.nodes,
        cards=cards,
        cpus=max(CPUS_A_CARD * cards, 4),
        ram_gib=max(16, ceil(1.25 * plan.forecast.ram_bytes / GIB)),
        minutes=30 + ceil(SPARE * seconds / 60),
        toml=to_toml(plan, {}, {}),
    )


def label(run: str) -> str:
    """The date a run's name begins with would be a label that begins with a digit."""
    plain = re.sub(r"[^a-z0-9]+", "-", run.lower()).strip("-")
    return f"ycdy-{plain}"[:NAME].strip("-")
