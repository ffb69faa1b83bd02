"""What was found in a data source: as what and from where it is read, what is left out, its first rows and lengths."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from wizard.contract import DataReport, Problem
from wizard.view import findings, telling
from wizard.view.lengths import histogram
from wizard.view.reading import Look
from wizard.view.widgets.facts import Facts
from wizard.view.widgets.picture import Pictures
from wizard.view.widgets.plain import PlainStatic
from wizard.view.widgets.rows import rendered
from wizard.words import known, say

MARGINS = 4  # cells beside it


class Found(Vertical):
    def compose(self) -> ComposeResult:
        yield PlainStatic(id="recognised")
        yield Facts(id="meaning")
        yield PlainStatic(id="rejects")
        yield PlainStatic(id="rows-title", classes="title")
        yield PlainStatic(id="rows")
        yield Pictures(id="pictures")
        yield Facts(id="amounts")
        yield PlainStatic(id="lengths")

    def wait(self, rows: int) -> None:
        """While it is still being read."""
        self._show("recognised", (say("view.data.reading", n=f"{rows:,}"), "$quiet"))

    def tell(self, look: Look, limit: int, *, whole: bool, task: str) -> None:
        """`limit`: the tokens of the sequence; `whole`: rows of a person's own, told in full; `task`: the goal's."""
        needs = say("data.needs", task=f"for-{task}") if whole and known(f"instead.for-{task}") else ""
        if look.problem:
            lacks = look.problem.code == "data-fields-missing"
            self._show("recognised", *_problem(look.problem), f"\n{needs}" if lacks else "")
        elif not look.report and needs:
            self._show("recognised", (needs, "$quiet"))
        else:
            self._show("recognised", (findings.recognised(look.report), "$success") if look.report else "")
        report = look.report if whole else None
        self.query_one("#meaning", Facts).tell(list(findings.meaning(report, look.goals)) if report else [])
        self._tell_losses(look, report, limit)
        self._show("rows-title", say("view.data.rows") if look.faces else "")
        self.query_one("#rows", PlainStatic).update(rendered(look.faces))
        self.query_one("#pictures", Pictures).show(look.pictures)
        self.query_one("#amounts", Facts).tell(list(findings.amounts(report)) if report else [])
        width = self.screen.size.width - MARGINS
        self._show("lengths", "\n".join(histogram(report, limit, width)) if report else "")

    def _tell_losses(self, look: Look, report: DataReport | None, limit: int) -> None:
        lines = findings.noted(report, limit) if report else []
        lines += [telling.sentence(told["what"], told["next"]) for told in map(telling.told, look.beside)]
        unsuited = _problem(look.unsuited) if look.unsuited else []
        self._show("rejects", *unsuited, "\n" if unsuited and lines else "", ("\n".join(lines), "$warning"))

    def _show(self, id: str, *parts: str | tuple[str, str]) -> None:
        filled = any(part if isinstance(part, str) else part[0] for part in parts)
        self.query_one(f"#{id}", PlainStatic).set_class(not filled, "hidden").show(*parts)


def _problem(problem: Problem) -> list[str | tuple[str, str]]:
    words = {name: telling.risen(text) for name, text in telling.told(problem).items()}
    return [(words["what"], "$error bold"), "\n", words["why"], "\n", (words["next"], "$success")]
