"""Which goals rows of a kind serve: what was chosen, what else would suit, and what no recipe does yet."""

from __future__ import annotations

from wizard.contract import Catalog, DataReport, Problem

ANSWERS = ("sft", "identity", "distil", "cpt")  # to which rows of other kinds can be turned, each in a way of its own
MOST_CLASSES = 10_000
SAME_DATA = {
    "identity": ("sft",),
    "distil": ("sft", "grpo"),
    "serve": ("sft",),
}  # goals whose recipes learn from others' rows


def unsuited(report: DataReport, task: str, catalog: Catalog, path: str = "") -> Problem | None:
    """`task`: the recipe's. A report that names no task is of rows that suit any."""
    if not report.tasks or {task, *SAME_DATA.get(task, ())} & {*report.tasks}:
        return alike(report) if task == "cls" else None
    if unread := _may_be_answers(report, task):
        return Problem(code="data-answer-unnamed", params={"path": path, "columns": ", ".join(unread)})
    params = {
        "path": path, "kind": report.kind, "task": task, "columns": ", ".join(report.columns),
        "suits": list(report.tasks), "nearest": list(ready(report.tasks, catalog)),
        "way": report.kind if task in ANSWERS else f"for-{task}",
    }  # fmt: skip
    return Problem(code="data-for-another-goal", params=params)


def alike(report: DataReport) -> Problem | None:
    """Rows of one class alone: the training would refuse them, after everything was downloaded."""
    if not report.exact or len(report.labels) != 1:
        return None
    return Problem(
        code="labels-not-told-apart", params={"count": 1, "first": next(iter(report.labels)), "most": 10_000}
    )


def _may_be_answers(report: DataReport, task: str) -> list[str]:
    """The columns beside a question, in which its answer may stand under a name that nobody knows."""
    if report.kind != "prompt" or "sft" not in SAME_DATA.get(task, (task,)) or not report.mapping.get("question"):
        return []
    return [column for column in report.columns if column not in report.mapping.values()]


def ready(tasks: tuple[str, ...], catalog: Catalog) -> tuple[str, ...]:
    """Those that some recipe serves with data of one's own."""
    served = {recipe.task for recipe in catalog.recipes.values() if not recipe.datasets}
    return tuple(task for task in tasks if task in served)


def aside(report: DataReport, task: str) -> Problem | None:
    """What of rows that can be learnt from for this goal, too, is left out by it."""
    if report.kind != "preference" or task not in report.tasks or task not in ANSWERS:
        return None
    return Problem(code="rows-better-alone", params={"task": task, "suits": list(report.tasks[:1])})
