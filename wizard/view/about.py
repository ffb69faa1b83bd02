"""What is said of the row under the cursor: for whom it is and what decides its memory, or why not and what helps."""

from __future__ import annotations

from textual.content import Content

from wizard.contract import Catalog, Generator, Recipe, Verdict
from wizard.session import ASSUMED
from wizard.view import offering, telling
from wizard.words import pick, say

UNRUN = "parsed"  # how `verified` begins of what no card has run


def about(verdict: Verdict, catalog: Catalog, *, turned: bool, refused: bool) -> Content:
    if verdict.status == "no":
        return Content("\n").join(_why_not(verdict, refused=refused))
    recipe, lines = catalog.recipes[verdict.recipe], list[Content]()
    if changed := telling.gave_up(verdict):
        lines.append(Content.styled(say("view.recipe.gave_up", changed=changed), "$warning"))
    marks = offering.marks(verdict, catalog, turned=turned)
    if verdict.knobs.n_gpus > 1 or verdict.generator:
        marks.append(say("view.recipe.cards", n=telling.cards(verdict)))
    title = Content.assemble((pick(recipe.title), "bold"), "  ", (say("view.comma").join(marks), "$success bold"))
    lines.append(Content.assemble(title.rstrip(), "  ", pick(recipe.why)))
    if verdict.generator:
        lines.append(Content.styled(_parted(verdict, verdict.generator), "$quiet"))
    lines.append(Content.styled(_reckoned(verdict, recipe), "$quiet"))
    lines += [Content.styled(telling.told(note)["what"], "$quiet") for note in verdict.engine_notes]
    return Content("\n").join(lines)


def _parted(verdict: Verdict, generator: Generator) -> str:
    """Which card does what."""
    trains = [str(card) for card in verdict.gpus if card not in generator.gpus]
    writes = [str(card) for card in generator.gpus]
    told = {"trains": ", ".join(trains), "writes": ", ".join(writes)}
    sizes = {"needed_bytes": generator.needed_bytes, "free_bytes": generator.capacity_bytes}
    return say("view.recipe.parted", **told, **sizes)


def _served(verdict: Verdict, unrun: str) -> str:
    took = f"{verdict.step_seconds * 1000:.2g}"
    token = say("view.recipe.token", milliseconds=took) if verdict.step_seconds else ""
    return telling.sentence(*(part for part in (unrun, token) if part))


def _why_not(verdict: Verdict, *, refused: bool) -> list[Content]:
    lines = [Content.styled(say("view.recipe.refused"), "$ink on $warning")] if refused else []
    lines.append(Content.styled(telling.why_not(verdict), "$error"))
    if ways := telling.remedies(verdict):
        lines.append(Content.assemble((say("view.recipe.helps"), "$success bold"), "  ", ways))
    return lines


def _reckoned(verdict: Verdict, recipe: Recipe) -> str:
    """What no card has run says so first."""
    unrun = say("view.recipe.unrun") if recipe.verified.startswith(UNRUN) else ""
    if verdict.task == "serve":
        return _served(verdict, unrun)
    peak = say("view.recipe.peak", moment=say(f"moment.{verdict.moment}"), basis=say(f"basis.{verdict.basis}"))
    time = "" if recipe.datasets else say("view.recipe.time", **ASSUMED._asdict())
    return telling.sentence(*(part for part in (unrun, peak, time) if part))
