"""A run as files: their layout, how they are written, read and folded into the state that is shown."""

from wizard.journal.files import locked, read_json, read_plan, write_atomic, write_json, write_plan
from wizard.journal.frozen import freeze, thaw
from wizard.journal.layout import Home, RunFolder, StageFolder
from wizard.journal.lines import Event, Journal, Tail
from wizard.journal.sample import last_lines
from wizard.journal.story import fold
from wizard.journal.watch import Watch

__all__ = [
    "Event",
    "Home",
    "Journal",
    "RunFolder",
    "StageFolder",
    "Tail",
    "Watch",
    "fold",
    "freeze",
    "last_lines",
    "locked",
    "read_json",
    "read_plan",
    "thaw",
    "write_atomic",
    "write_json",
    "write_plan",
]
