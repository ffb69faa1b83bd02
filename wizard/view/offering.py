"""A verdict as a row of the table: what each column holds, and for which of them there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from wizard.contract import Catalog, Verdict
from wizard.session import way
from wizard.view import telling
from wizard.view.grid import clipped
from wizard.words import known, say
from wizard.words.units import gib, seconds

COLUMNS = ("model", "method", "cards", "needs", "verdict", "time", "sequence", "note")
NARROW = 76
GAP = 2
EDGES = 3  # padding, and the scroll bar
Row = dict[str, str]


def row(verdict: Verdict, catalog: Catalog, *, turned: bool) -> Row:
    return {
        "model": catalog.models[verdict.model].title,
        "method": way(catalog.recipes[verdict.recipe], catalog),
        "cards": telling.cards(verdict),
        "needs": gib(verdict.card_bytes),
        "verdict": word(verdict),
        "time": seconds(verdict.seconds) if verdict.status != "no" else "-",
        "sequence": str(verdict.knobs.seq_len),
        "note": say("view.comma").join([*marks(verdict, catalog, turned=turned), *_short(verdict)]),
    }


def word(verdict: Verdict) -> str:
    """`fits`, `tight`, `no`, and where it is not the memory: what is lacking."""
    lacking = f"view.recipe.lacking.{verdict.reason.code}" if verdict.reason else ""
    return say(lacking) if known(lacking) else say(f"verdict.{verdict.status}")


def _short(verdict: Verdict) -> list[str]:
    memory = verdict.reason is not None and verdict.reason.code.startswith("short-of-memory")
    return [telling.shortfall(verdict)] if memory else []


def marks(verdict: Verdict, catalog: Catalog, *, turned: bool) -> list[str]:
    told = {
        "recommended": verdict.recommended,
        "yours": catalog.recipes[verdict.recipe].yours,
        "turned": turned,
    }
    hub = [say("verdict.needs_hub")] if verdict.needs_hub and verdict.status != "no" else []
    return [say(f"view.recipe.{name}") for name, true in told.items() if true] + hub


def head(name: str, task: str = "") -> str:
    own = f"column.{name}_{task}"
    return say(own if known(own) else f"column.{name}")


def laid_out(rows: Sequence[Row], width: int) -> Mapping[str, int]:
    """The columns and their widths. The model's name gives way; the note comes only where it is seen whole."""
    wide = {name: max(cell_len(head(name)), *(cell_len(row[name]) for row in rows)) for name in COLUMNS}
    left_out = {"note"}
    if all(row["cards"] == "1" for row in rows):
        left_out.add("cards")
    if width < NARROW:
        left_out.add("sequence")
    kept = [name for name in COLUMNS if name not in left_out]
    room = width - EDGES - sum(wide[name] + GAP for name in kept if name != "model")
    if any(row["note"] for row in rows) and wide["model"] + GAP + wide["note"] <= room:
        return {name: wide[name] for name in (*kept, "note")}
    return {name: min(wide[name], room) if name == "model" else wide[name] for name in kept}


def cell(row: Row, name: str, width: int) -> str:
    return clipped(row[name], width) + " " * GAP
