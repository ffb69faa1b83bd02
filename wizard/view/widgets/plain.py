"""Static text in which square brackets are just square brackets, and Chinese fills its lines."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.visual import VisualType
from textual.widgets import Static

from wizard.view.folding import folded


class PlainStatic(Static):
    """Foreign texts (logs, rows, answers) crash or vanish where markup is parsed, so nothing here parses it."""

    def __init__(self, content: VisualType = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(content, markup=False, id=id, classes=classes)

    def render(self) -> VisualType:
        return self._folded(self.content_size.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        shown = self._folded(width)
        return shown.get_height({}, width) if width and isinstance(shown, Content) else 0

    def _folded(self, width: int) -> VisualType:
        shown = self.visual
        return folded(shown, width) if width and isinstance(shown, Content) else shown

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """The same again is not drawn again: over a slow line every row counts."""
        shown = self.content
        same = shown.is_same(content) if isinstance(shown, Content) and isinstance(content, Content) else False
        if not (same or (isinstance(shown, str) and isinstance(content, str) and shown == content)):
            super().update(content, layout=layout)

    def show(self, *parts: str | tuple[str, str] | Content) -> None:
        """Pieces of text, some of them with a style such as `$primary bold`."""
        self.update(Content.assemble(*parts))
