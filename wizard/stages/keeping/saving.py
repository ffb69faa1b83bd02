"""Saving as transformers does it, under a name that is no checkpoint's; sealed and renamed when all of it is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wizard.contract.sharing import world_of
from wizard.stages.checkpoints import PREFIX, UNFINISHED, newest_first, shared
from wizard.stages.desk import STOPPED, Bench
from wizard.stages.faults import free_bytes, problem_of
from wizard.stages.keeping import manifest, retention, room
from wizard.stages.sharing import anywhere, meet
from wizard.stages.watching.pulse import Pulse

LEAST_BYTES = 1 << 20


class Saving:
    """Takes the place of a trainer's `_save_checkpoint`, of which every one of transformers' kind has its own.

    `told`: what the manifest is to say of the model as it is now, beside step and files. The cards' folder is one.
    """

    def __init__(self, bench: Bench, trainer: Any, told: Callable[[], Mapping[str, Any]], pulse: Pulse) -> None:
        self.bench, self.trainer, self.told, self.pulse = bench, trainer, told, pulse
        self.folder = Path(trainer.args.output_dir)
        self.unfinished = self.folder / UNFINISHED
        self.original = trainer._save_checkpoint
        trainer._save_checkpoint = self.save

    def save(self, model: Any, trial: Any) -> None:
        needed = self._bytes_of_one()
        self.pulse.beat("save")
        while True:
            if self.trainer.args.should_save:
                shutil.rmtree(self.unfinished, ignore_errors=True)  # before the cards meet: all of them write into it
            self._wait_for(needed)
            before = free_bytes(self.bench.folder)
            try:
                return self._save(model, trial)
            except Exception as error:
                if not self._may_try_again(error):
                    raise
            needed = int(max(needed, before) * room.MORE)

    def _may_try_again(self, error: Exception) -> bool:
        """Where one card failed, the others wait in the middle of their saving: all of them have to begin anew."""
        told = problem_of(error, self.bench.order.stage, self.bench.folder)
        full = told is not None and told.problem.code == "disk-full"
        return full and world_of(self.bench.order.knobs) == 1

    def _save(self, model: Any, trial: Any) -> None:
        self.trainer._get_output_dir = lambda trial: str(self.unfinished)
        try:
            self.original(model, trial)
        finally:
            del self.trainer._get_output_dir
        meet()
        if self.trainer.args.should_save:
            self._seal(f"{PREFIX}{self.trainer.state.global_step}")

    def _seal(self, name: str) -> None:
        made, place = self.unfinished / name, self.folder / name
        step = self.trainer.state.global_step
        manifest.seal(made, step=step, shared=shared(self.bench.order.knobs), **self.told())
        shutil.rmtree(place, ignore_errors=True)
        made.rename(place)
        manifest.settle(self.folder)
        retention.thin_out(self.folder)

    def _bytes_of_one(self) -> int:
        """As many as the newest has; before the first, the numbers that are trained and nothing of the optimizer's."""
        newest = next(iter(newest_first(self.folder)), None)
        if newest is not None:
            return manifest.bytes_of(newest) + LEAST_BYTES
        trained = (weights for weights in self.trainer.model.parameters() if weights.requires_grad)
        return int(sum(weights.numel() * weights.element_size() for weights in trained)) + LEAST_BYTES

    def _wait_for(self, needed: int) -> None:
        """Every card waits, as long as the one that writes does."""
        device, bench = self.trainer.args.device, self.bench
        lacking = self._lacks(needed)
        if not anywhere(lacking, device):
            return
        bench.phase("wait-for-room")
        bench.note("disk-waits", "warning", needed_bytes=needed, path=str(self.folder))
        bench.progress(free_bytes(bench.folder), needed, "bytes")

        def going_on() -> bool:
            if anywhere(bench.asked_to_stop, device):
                raise SystemExit(STOPPED)
            self.pulse.beat("save")
            return not anywhere(self._lacks(needed), device)

        room.wait(going_on, bench.order.stage, self.folder)
        bench.phase("train")

    def _lacks(self, needed: int) -> bool:
        return bool(self.trainer.args.should_save) and free_bytes(self.bench.folder) < needed
