"""The stages of a run on one line, each with a sign and a word: `[v] fetch  [>] train  [ ] merge`."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from wizard.contract import StageState
from wizard.view.grid import flow
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
        self.update(flow([_one(stage) for stage in stages], self.app.size.width - 2))


def _one(stage: StageState) -> Content:
    sign, style = SIGNS[stage.status]
    return Content.styled(f"{sign} {say(f'stage.{stage.name}')}", style)
