"""A labelled bar in ASCII: `mem [####....] 10.1 of 24.0 GiB`."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widget import Widget

LABEL = 5
BAR = 12


class Gauge(Widget):
    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.label = ""
        self.share = 0.0
        self.text = ""

    def tell(self, label: str, share: float, text: str) -> None:
        if (label, share, text) != (self.label, self.share, self.text):
            self.label, self.share, self.text = label, min(1.0, max(0.0, share)), text
            self.refresh()

    def render(self) -> Content:
        width = min(BAR, self.size.width - LABEL - 4 - cell_len(self.text))
        filled = round(self.share * width)
        bar = [("[", "$quiet"), ("#" * filled, "$secondary"), ("." * (width - filled), "$rule"), ("] ", "$quiet")]
        shown = bar if width >= 4 else []
        return Content.assemble((set_cell_size(self.label, LABEL), "$quiet"), *shown, self.text)
