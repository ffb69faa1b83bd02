"""The desk's part about what is done with a model once it is there: made smaller, measured, gone on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from wizard.session import onward
from wizard.session.smaller import Smaller, evaluable, offered

if TYPE_CHECKING:
    from wizard.session.desk import Desk


class WishDesk:
    def smaller(self, recipe: str, model: str, *, rows: bool, serve: bool = True) -> tuple[Smaller, ...]:
        """Every format that the model may be written in before it is served, those first that can be had here.
        `rows`: whether there are any to calibrate with."""
        desk = cast("Desk", self)
        return offered(desk.catalog(), desk.machine(), recipe, model, rows=rows, serve=serve)

    def evaluates(self) -> bool:
        """Whether anything here can measure a model."""
        desk = cast("Desk", self)
        return evaluable(desk.catalog(), desk.machine())

    def ways_on(self, run: str) -> tuple[str, ...]:
        """What may be done next with what it made: quantise, evaluate."""
        return onward.ways(cast("Desk", self), run)

    def onward(self, run: str) -> onward.Onward:
        """A run that goes on from what this one made, up to its review."""
        return onward.onward(cast("Desk", self), run)
