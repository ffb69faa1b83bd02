"""The stages of a run on one line, each with a sign and a word: `[v] fetch  [>] train  [ ] merge`."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from wizard.contract import StageState
from wizard.view.widgets.plain import PlainStatic
from wizard.words import say

SIGNS = {
    "waiting": ("[ ]", "$quiet"),
    "building": ("[~]", "$accent"),
    "running": ("[>]", "$primary bold"),
    "ready": ("[v]", "$success bold"),
    "done": ("[v]", "$success"),
    "failed": ("[x]", "$error bold"),
    "stopped": ("[-]", "$warning"),
}


class StageList(PlainStatic):
    def tell(self, stages: Sequence[StageState]) -> None:
        self.update(Content("  ").join([self._one(stage) for stage in stages]))

    def _one(self, stage: StageState) -> Content:
        sign, style = SIGNS[stage.status]
        return Content.styled(f"{sign}\u00a0{say(f'stage.{stage.name}')}", style)
