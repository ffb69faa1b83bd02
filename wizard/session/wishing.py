"""The desk's part about what is done with a model once it is there: made smaller, measured, gone on from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from wizard import fit
from wizard.contract import Choice, DataChoice, Verdict
from wizard.session import after, onward
from wizard.session.smaller import Smaller, evaluable, offered

if TYPE_CHECKING:
    from wizard.session.desk import Desk


class WishDesk:
    def smaller(self, recipe: str, model: str, *, rows: bool, serve: bool = True) -> tuple[Smaller, ...]:
        """Every format that the model may be written in before it is served, those first that can be had here.
        `rows`: whether there are any to calibrate with."""
        desk = cast("Desk", self)
        catalog, machine, known = desk.catalog(), desk.machine(), desk._known()
        data = DataChoice(kind="path" if rows else "none")
        choice = Choice(recipe=recipe, model=model, knobs=catalog.recipes[recipe].knobs, data=data, serve=serve)

        def judged(format: str) -> Verdict:
            widened = after.widened(catalog, replace(choice, quantise=format), fit.capability(machine))
            return fit.judge(machine, widened, recipe, model, terms=False, **known)

        return offered(catalog, machine, recipe, model, judged, rows=rows, serve=serve)

    def evaluates(self, recipe: str, model: str) -> bool:
        """Whether anything here can measure what it makes of the model."""
        desk = cast("Desk", self)
        catalog = desk.catalog()
        return evaluable(catalog, desk.machine(), catalog.recipes[recipe], catalog.models[model])

    def ways_on(self, run: str) -> tuple[str, ...]:
        """What may be done next with what it made: quantise, evaluate."""
        return onward.ways(cast("Desk", self), run)

    def onward(self, run: str) -> onward.Onward:
        """A run that goes on from what this one made, up to its review."""
        return onward.onward(cast("Desk", self), run)
