"""The stages of a plan as a table, with what each is forecast to take."""

from __future__ import annotations

from textual.content import Content

from wizard.contract import Plan
from wizard.view import telling
from wizard.view.grid import Cell, grid
from wizard.words import say
from wizard.words.units import gb, gib, seconds


def stages(plan: Plan, *, engines: bool = True) -> Content:
    """Numbered, with the forecast of each, and the sum; the card's memory and RAM apart."""
    cards = [telling.on_card(plan, stage) for stage in plan.stages]
    left_out = ([] if engines else ["engine"]) + ([] if any(cards) else ["card"])
    columns = [name for name in ("number", "stage", "engine", "time", "card", "ram", "disk") if name not in left_out]
    heads = {name: say(f"view.review.column.{name}") for name in columns if name != "number"}
    rows: list[dict[str, Cell]] = [{name: (head, "$quiet") for name, head in heads.items()}]
    for number, (stage, card) in enumerate(zip(plan.stages, cards, strict=True), start=1):
        rows.append(
            {
                "number": (str(number), "$primary bold"),
                "stage": (say(f"stage.{stage.name}"), "bold"),
                "engine": stage.engine,
                "time": say("view.review.until_stopped") if stage.service else seconds(stage.seconds),
                "card" if card else "ram": gib(stage.memory_bytes),
                "disk": gb(stage.disk_bytes),
            }
        )
    held = [(card, stage.memory_bytes) for stage, card in zip(plan.stages, cards, strict=True)]
    sums = {
        "time": seconds(sum(stage.seconds for stage in plan.stages)),
        "card": gib(max([0, *(size for card, size in held if card)])),
        "ram": gib(max([0, *(size for card, size in held if not card)])),
        "disk": gb(sum(stage.disk_bytes for stage in plan.stages)),
    }
    rows.append({"stage": (say("view.review.total"), "$secondary"), **{k: (v, "bold") for k, v in sums.items()}})
    right = [columns.index(name) for name in ("time", "card", "ram", "disk") if name in columns]
    return grid([[row.get(name, "") for name in columns] for row in rows], right=right)
