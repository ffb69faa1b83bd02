"""A train stage to which something happens at a point: DIE="<what> <where> <step>", run in the forge.

What: `kill` (SIGKILL), `term` (SIGTERM), `memory` (torch's error), `nan` (the weights), `hang`. Where: a `step` begins,
between its micro-batches (`substep`), while `saving` (half of it is written) or `validating`.
"""

import os
import runpy
import signal
import time

import torch

from wizard.stages import reporter
from wizard.stages.keeping import manifest
from wizard.stages.watching import pulse

WHAT, WHERE, STEP = os.environ["DIE"].split()


def happen(model=None):
    if WHAT == "hang":
        time.sleep(600)
    if WHAT == "memory":
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if WHAT == "nan":
        with torch.no_grad():
            next(weights for weights in model.parameters() if weights.requires_grad).fill_(float("nan"))
    else:
        os.kill(os.getpid(), signal.SIGKILL if WHAT == "kill" else signal.SIGTERM)


def at(event):
    def seen(self, args, state, control, model=None, **more):
        if state.global_step == int(STEP):
            happen(model)
        return before(self, args, state, control, model=model, **more)

    before = getattr(reporter.Reporter, event)
    setattr(reporter.Reporter, event, seen)


def while_saving(folder, **told):
    if told["step"] == int(STEP) and WHAT == "kill":
        with (folder / "optimizer.pt").open("r+b") as file:
            file.truncate(100)
    if told["step"] == int(STEP):
        happen()
    sealed(folder, **told)


if WHAT == "hang":
    pulse.PATIENCE, pulse.BEAT_SECONDS = {**pulse.PATIENCE, "step": 3.0}, 0.1
if WHERE == "saving":
    sealed, manifest.seal = manifest.seal, while_saving
else:
    at({"step": "on_step_begin", "substep": "on_substep_end", "validating": "on_prediction_step"}[WHERE])
runpy.run_module("wizard.stages.train", run_name="__main__")
