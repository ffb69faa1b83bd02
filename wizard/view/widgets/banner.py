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


def step(current: str) -> Content:
    """The same where there is no room for it: `3/5 RECIPE`."""
    return Content.styled(
        f"{STEPS.index(current) + 1}/{len(STEPS)} {say(f'view.step.{current}').upper()}", "$primary bold"
    )


class Banner(Widget):
    """Left: steps or a title, `brief` where it is narrow. Right: what must not be overlooked, such as that the machine
    is pretended."""

    def __init__(self, left: Content, right: str = "", brief: Content | None = None) -> None:
        super().__init__(id="banner")
        self.left = left
        self.right = right
        self.brief = brief or left

    def tell(self, left: Content, right: str) -> None:
        if (left, right) != (self.left, self.right):
            self.left, self.right = left, right
            self.refresh()

    def render(self) -> Content:
        room = self.size.width - cell_len(self.right) - (2 if self.right else 0)
        left = self.left if self.left.cell_length <= room else self.brief
        if left.cell_length > room:
            left = left.truncate(room, ellipsis=False)
        gap = self.size.width - left.cell_length - cell_len(self.right)
        return Content.assemble(left, " " * gap, (self.right, "$warning"))
