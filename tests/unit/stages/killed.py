"""Run by the forge: a train stage that is killed by SIGKILL at a step: `killed.py STAGE_FOLDER STEP`."""

import os
import runpy
import signal
import sys

from wizard.stages.reporter import Reporter

STEP = int(sys.argv.pop())


def killed(self, args, state, control, **_):
    if state.global_step == STEP:
        os.kill(os.getpid(), signal.SIGKILL)


Reporter.on_substep_end = Reporter.on_pre_optimizer_step = killed
runpy.run_module("wizard.stages.train", run_name="__main__")
