"""The desk's part that is about a served model: where it answers, what is said to it, how fast it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.contract import CHAT, Plan, head_of
from wizard.errors import WizardError
from wizard.journal import Home, RunFolder
from wizard.session import chat, starting
from wizard.session.using import snippets

if TYPE_CHECKING:
    from wizard.session.using.bench import Level, Sweep, Wanted

BESIDE = ("{name}-base", "base")  # what engines call the base of an adapter that is kept apart


class UsingDesk:
    home: Home

    def folder(self, run: str) -> RunFolder:
        raise NotImplementedError

    def plan_of(self, run: str) -> Plan:
        raise NotImplementedError

    def endpoint(self, run: str) -> chat.Endpoint:
        return starting.endpoint(self.home, self.folder(run))

    def head(self, run: str) -> str:
        """What the run's model answers with: contract.heads."""
        return next((head_of(stage.spec) for stage in self.plan_of(run).stages if stage.name == "serve"), CHAT)

    def chat(self, run: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> Iterator[str]:
        """Pieces of the answer. Raises chat-not-writing, not-serving, and what chat.events does."""
        if (head := self.head(run)) != CHAT:
            raise WizardError("chat-not-writing", run=run, head=head)
        return chat.stream(self.endpoint(run), messages, **options)

    def base_of(self, run: str) -> str:
        """The name that a request gives the model as it was before the training. Raises chat-no-base."""
        endpoint = self.endpoint(run)
        served = chat.names(endpoint)
        for name in (each.format(name=endpoint.model) for each in BESIDE):
            if name in served and name != endpoint.model:
                return name
        raise WizardError("chat-no-base", run=run, model=endpoint.model)

    def snippet(self, run: str, form: str, question: str) -> str:
        return snippets.snippet(self.endpoint(run), form, question, self.head(run))

    def snippet_forms(self, run: str) -> tuple[str, ...]:
        return snippets.forms_of(self.head(run))

    def bench(self, run: str, wanted: Wanted, told: Callable[[Level], None]) -> Sweep:
        """Its figures and their picture stay in the run's folder. What broke off is the sweep's problem."""
        from wizard.session.using.bench import bench
        from wizard.session.using.bench.keeping import keep

        return keep(bench(run, self.endpoint(run), self.head(run), wanted, told), self.folder(run).path)
