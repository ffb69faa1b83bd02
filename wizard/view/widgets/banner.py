"""The top line: the name, or where in the five steps a person stands."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from wizard.session import STEPS
from wizard.words import say


def steps(current: str) -> Content:
    """`1 goal > 2 HARDWARE > 3 recipe`: the current one in capitals and colour, those behind it calm."""
    here = STEPS.index(current)
    parts: list[str | tuple[str, str]] = []
    for place, step in enumerate(STEPS):
        if place:
            parts.append((" > ", "$quiet"))
        name = f"{place + 1} {say(f'view.step.{step}')}"
        style = "$primary bold" if place == here else "$secondary" if place < here else "$quiet"
        parts.append((f"[{name.upper()}]" if place == here else name, style))
    return Content.assemble(*parts)


class Banner(Widget):
    """Left: steps or a title. Right: what must not be overlooked, such as that the machine is pretended."""

    def __init__(self, left: Content, right: str = "") -> None:
        super().__init__(id="banner")
        self.left = left
        self.right = right

    def tell(self, left: Content, right: str) -> None:
        if (left, right) != (self.left, self.right):
            self.left, self.right = left, right
            self.refresh()

    def render(self) -> Content:
        gap = self.size.width - self.left.cell_length - cell_len(self.right)
        if gap < 2:
            return self.left
        return Content.assemble(self.left, " " * gap, (self.right, "$warning"))
