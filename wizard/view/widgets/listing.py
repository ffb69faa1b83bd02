"""A table of rows to choose from; Home and End go to its first and last row, as in every list."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable


class Listing(DataTable[Text]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", show=False),
        Binding("end", "scroll_bottom", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", cell_padding=0)

    def on_resize(self) -> None:
        """What stands below may have grown: the row under the cursor stays in sight."""
        self.move_cursor(row=self.cursor_row, scroll=True)
