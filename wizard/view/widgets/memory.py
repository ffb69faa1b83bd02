"""The stacked bar of what takes memory, against what is free."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from string import ascii_lowercase

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from wizard.contract import Term, Verdict
from wizard.view.grid import flow
from wizard.view.palette import SEGMENTS
from wizard.words import say
from wizard.words.units import gib

NARROW = 74
SLIGHT = 0.03


def shares(sizes: Sequence[int], scale: int, width: int) -> list[int]:
    """Cells for each size, from rounded running sums, so that errors do not add up."""
    edges, total = [0], 0
    for size in sizes:
        total += size
        edges.append(round(width * total / max(scale, 1)))
    return [after - before for before, after in pairwise(edges)]


def drawn(terms: Sequence[Term], need: int) -> list[int]:
    """A correction downwards has no cells of its own: the largest part is drawn shorter."""
    sizes = [term.bytes for term in terms]
    if sizes and (surplus := sum(sizes) - need) > 0:
        sizes[sizes.index(max(sizes))] -= surplus
    return sizes


def _told(term: Term) -> str:
    return f"{say(f'term.{term.label}')} {gib(term.bytes, unit=False)}"


class MemoryBar(Widget):
    """`low_legend`: whether the parts are named in a low window too."""

    verdict: reactive[Verdict | None] = reactive(None, layout=True)

    def __init__(self, *, id: str, low_legend: bool = True) -> None:
        super().__init__(id=id)
        self.low_legend = low_legend

    def render(self) -> Content:
        if self.verdict is None:
            return Content("")
        terms = self._terms(self.verdict)
        bar = self._bar(self.verdict, terms)
        low = self.screen.has_class("-low") and not self.low_legend
        return bar if low else Content("\n").join([self._legend(terms), bar])

    def _terms(self, verdict: Verdict) -> list[Term]:
        """All of them; where it is narrow, the slight ones are one."""
        terms = [term for term in verdict.terms if term.bytes > 0]
        slight = [term for term in terms if term.bytes < SLIGHT * verdict.card_bytes]
        if self.size.width >= NARROW or len(slight) < 2:
            return terms
        rest = Term(label="rest", bytes=sum(term.bytes for term in slight), formula="")
        return [*(term for term in terms if term not in slight), rest]

    def _legend(self, terms: Sequence[Term]) -> Content:
        items: list[Content] = []
        for place, term in enumerate(terms):
            letter = (ascii_lowercase[place % 26], f"$segment-{place % SEGMENTS} bold")
            items.append(Content.assemble(letter, f" {_told(term)}"))
        items += [Content(_told(term)) for term in (self.verdict.terms if self.verdict else ()) if term.bytes < 0]
        return flow([*items, Content.styled("GiB", "$quiet")], self.size.width)

    def _bar(self, verdict: Verdict, terms: Sequence[Term]) -> Content:
        need, room = verdict.card_bytes, verdict.capacity_bytes
        ending = say("view.memory.of", need=gib(need, unit=False), room=gib(room)) if room else gib(need)
        width = max(10, self.size.width - Content(ending).cell_length - 3)
        scale = max(need, room)
        parts: list[str | tuple[str, str]] = [("[", "$quiet")]
        used = 0
        for place, cells in enumerate(shares(drawn(terms, need), scale, width)):
            used += cells
            parts.append(self._segment(place, cells))
        parts.append(("." * max(0, width - used), "$quiet"))
        style = {"fits": "$success bold", "tight": "$warning bold", "no": "$error bold"}[verdict.status]
        bar = Content.assemble(*parts, ("] ", "$quiet"), (ending, style))
        return Content("\n").join([bar, self._border(width, room / scale)]) if 0 < room < need else bar

    def _border(self, width: int, share: float) -> Content:
        """Under a bar that is too long: how far it may reach."""
        words, place = say("view.memory.border"), max(1, round(width * share))
        before = place - cell_len(words) - 1
        text = f"{'':{before}}{words} ^" if before >= 0 else f"{'':{place}}^ {words}"
        return Content.styled(text, "$error")

    def _segment(self, place: int, cells: int) -> tuple[str, str]:
        letter = ascii_lowercase[place % 26]
        if self.app.no_color:
            return (letter * cells, "")
        return (letter.ljust(cells)[:cells], f"$ink on $segment-{place % SEGMENTS}")
