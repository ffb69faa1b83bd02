"""What the model learns from: the bundled set with its blanks filled in, a file, or pasted rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key as Press
from textual.events import Paste
from textual.timer import Timer
from textual.widgets import Input, TextArea

from wizard.contract import DataReport, Dataset, Problem
from wizard.view import telling
from wizard.view.draft import SourceKind
from wizard.view.lengths import histogram
from wizard.view.reading import Look, reading
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, Pick, PlainStatic
from wizard.view.widgets.field import Answer, Field, PathSuggester
from wizard.view.widgets.rows import rendered
from wizard.words import say

PAUSE = 0.3
ABOUT_COLUMNS = ("data-fields-missing", "data-field-misspelt", "data-mapping-role", "data-mapping-field")


class DataStep(Page):
    NAME = "data"
    STEP = "data"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", show=False),
        Binding("f5", "look", show=False),
        Binding("question_mark", "help", show=False, priority=True),
    ]
    report: DataReport | None = None
    problem: Problem | None = None
    rows: Sequence[str] = ()
    _asked: object = None  # what the report on the screen belongs to
    _timer: Timer | None = None

    def on_mount(self) -> None:
        if self.draft.source is None:
            self.draft.source = "bundled" if self.dataset else "path"
        super().on_mount()

    @property
    def dataset(self) -> Dataset | None:
        catalog = self.desk.catalog()
        verdict = self.draft.verdict
        names = catalog.recipes[verdict.recipe].datasets if verdict else ()
        return catalog.datasets[names[0]] if names else None

    @property
    def sources(self) -> list[str]:
        if self.draft.task == "identity":
            return ["bundled"]
        return [*(["bundled"] if self.dataset else []), "path", "paste"]

    def body(self) -> ComposeResult:
        choices = [(name, say(f"view.data.source.{name}")) for name in self.sources]
        pick = Pick(choices, value=self.draft.source or choices[0][0], id="source")
        pick.set_class(len(choices) < 2, "hidden")
        yield pick
        for name in self.dataset.defaults if self.dataset else ():
            box = Answer(self.draft.params.get(name, ""), id=f"param-{name}", compact=True)
            yield Field(say(f"view.data.param.{name}"), box, id=f"field-{name}")
        path = Answer(self.draft.path, id="path", compact=True, suggester=PathSuggester(), select_on_focus=False)
        path.placeholder = say("view.data.path_hint")
        yield Field(say("view.data.path"), path, id="field-path")
        paste = TextArea(self.draft.pasted, id="paste", compact=True)
        paste.border_title = say("view.data.paste")
        yield paste
        typed = telling.mapping_text(self.draft.mapping)
        mapping = Answer(typed, id="mapping", compact=True, select_on_focus=False)
        mapping.placeholder = say("view.data.mapping_hint")
        yield Field(say("view.data.mapping"), mapping, id="field-mapping")
        yield PlainStatic(id="recognised")
        yield PlainStatic(id="hint")
        yield PlainStatic(id="rejects")
        yield PlainStatic(id="rows-title", classes="title")
        yield PlainStatic(id="rows")
        yield PlainStatic(id="lengths")

    def keys(self) -> Sequence[Key]:
        """In a box of many lines Enter makes a new one, so F5 is the key that goes on."""
        pasting = self.draft.source == "paste"
        check = [Key("F5", "next" if self._ready() else "check", "look")] if pasting else []
        complete = [Key("right", "complete", "look")] if self.draft.source == "path" else []
        return [
            *([] if isinstance(self.focused, TextArea) else [Key("enter", "next", "next")]),
            *check,
            *complete,
            Key("tab", "field", "app.focus_next"),
            Key("esc", "back", "back"),
            Key("F1" if isinstance(self.focused, TextArea) else "?", "help", "help"),
            Key("F2", "language", "app.language"),
        ]

    def on_descendant_focus(self) -> None:
        self.refresh_keys()

    def fill(self) -> None:
        self._fill_defaults()
        self._arrange()
        self._look()

    def _fill_defaults(self) -> None:
        for name, value in (self.draft.filled(self.dataset) if self.dataset else {}).items():
            box = self.query_one(f"#param-{name}", Input)
            box.placeholder = value
            if name not in self.draft.params:
                with box.prevent(Input.Changed):
                    box.value = value

    def _arrange(self) -> None:
        source = self.draft.source
        for name in self.dataset.defaults if self.dataset else ():
            self.query_one(f"#field-{name}").set_class(source != "bundled", "hidden")
        self.query_one("#field-path").set_class(source != "path", "hidden")
        self.query_one("#paste").set_class(source != "paste", "hidden")
        self.query_one("#field-mapping").set_class(source == "bundled" or not self._mappable(), "hidden")
        if not (self.focused and self.focused.display):
            self.call_after_refresh(self._focus_first)
        self.refresh_keys()

    def _mappable(self) -> bool:
        """Whether there are columns, or it is columns that are lacking."""
        if self.problem:
            return self.problem.code in ABOUT_COLUMNS
        return self.report is not None and bool(self.report.mapping)

    def _focus_first(self) -> None:
        first = {"bundled": "Field Input", "path": "#path", "paste": "#paste"}[self.draft.source or "path"]
        boxes = [
            box for box in self.query(first) if box.display and box.parent and getattr(box.parent, "display", True)
        ]
        if boxes:
            boxes[0].focus()

    # answers

    @on(Pick.Picked, "#source")
    def _source_picked(self, event: Pick.Picked) -> None:
        self.draft.source = cast(SourceKind, event.value)
        self.report, self.problem, self.rows = None, None, ()
        self._hint("")
        self._arrange()
        self._tell()
        self._look()

    def on_key(self, event: Press) -> None:
        """What is typed while the source is being chosen is meant for its box."""
        if event.is_printable and event.character and event.key != "space" and self._to_the_box(event.character):
            event.stop()

    def on_paste(self, event: Paste) -> None:
        if self._to_the_box(event.text):
            event.stop()

    def _to_the_box(self, text: str) -> bool:
        if not isinstance(self.focused, Pick) or self.draft.source == "bundled":
            return False
        if self.draft.source == "paste":
            area = self.query_one("#paste", TextArea)
            area.insert(text, area.document.end)
            area.focus()
        else:
            box = self.query_one("#path", Input)
            box.value += "".join(text.splitlines()[:1])
            box.cursor_position = len(box.value)
            box.focus()
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        self._hint("")
        name = str(event.input.id)
        if name == "path":
            self.draft.path = event.value
            self.draft.mapping = {}
        elif name == "mapping":
            self.draft.mapping = telling.mapping_of(event.value)
        else:
            self.draft.params[name.removeprefix("param-")] = event.value
        self._look_soon()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_next()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self.draft.pasted = event.text_area.text
        self._hint("")
        self.refresh_keys()

    def _hint(self, text: str) -> None:
        """What keeps Enter from going on."""
        self.query_one("#hint", PlainStatic).show((text, "$warning bold"))

    # what it was recognised as

    def _look_soon(self) -> None:
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._look)

    def action_look(self) -> None:
        if self.draft.source == "paste" and self._ready():
            self.action_next()
            return
        if self.draft.source == "paste":
            self.draft.pasted_path = ""
        self._look()

    def _ready(self) -> bool:
        """Whether what is written is what was looked at, and can be used."""
        return self.report is not None and self._key() == self._asked

    def _key(self) -> object:
        draft, dataset = self.draft, self.dataset
        if draft.source == "bundled" and dataset:
            return ("bundled", dataset.id, draft.data_language(dataset), tuple(draft.filled(dataset).items()))
        typed = draft.path.strip() if draft.source == "path" else draft.pasted
        return (draft.source, typed, tuple(draft.mapping.items())) if typed else None

    def _look(self) -> None:
        key = self._key()
        if key is None or key == self._asked:
            return
        self._asked = key
        self.errand(
            reading(self.desk, self.draft, self.dataset),
            lambda look: self._looked(key, look, None),
            lambda problem: self._looked(key, None, problem),
        )

    def _looked(self, key: object, look: Look | None, problem: Problem | None) -> None:
        if key != self._asked:
            return
        self.problem = problem
        self.report, self.rows = look or (None, ())
        mapping = self.query_one("#mapping", Input)
        if not self.draft.mapping and not mapping.has_focus:
            with mapping.prevent(Input.Changed):
                mapping.value = telling.mapping_text(self.report.mapping if self.report else {})
        self._arrange()
        self._tell()

    def _tell(self) -> None:
        recognised = self.query_one("#recognised", PlainStatic)
        if self.problem:
            words = telling.told(self.problem)
            recognised.show((words["what"], "$error bold"), "\n", words["why"], "\n", (words["next"], "$success"))
        else:
            recognised.show((telling.recognised(self.report), "$success") if self.report else "")
        own = self.report if self.draft.source != "bundled" else None
        limit = self.draft.verdict.knobs.seq_len if self.draft.verdict else 0
        lines = telling.noted(own, limit) if own else []
        rejects = self.query_one("#rejects", PlainStatic)
        rejects.set_class(not lines, "hidden")
        rejects.update(Content.styled("\n".join(lines), "$warning"))
        self.query_one("#rows-title", PlainStatic).update(say("view.data.rows") if self.rows else "")
        self.query_one("#rows", PlainStatic).update(rendered(self.rows))
        lengths = "\n".join(histogram(own, limit, self.size.width - 4)) if own else ""
        self.query_one("#lengths", PlainStatic).set_class(not lengths, "hidden").update(lengths)

    # going on

    def action_next(self) -> None:
        key = self._key()
        if key is None:
            self._hint(say("view.data.missing"))
        elif self.draft.source == "bundled" or (key == self._asked and self._usable()):
            self._on()
        elif key != self._asked:
            self._look()

    def _usable(self) -> bool:
        """Whether there are rows for this goal; where not, it is said."""
        if self.report is None:
            return False
        if not self.report.usable:
            self._hint(say("view.data.no_rows"))
        elif self.report.tasks and self.draft.task not in self.report.tasks:
            wanted = say(f"goal.{self.draft.task}.title")
            self._hint(say("view.data.other_task", goal=wanted))
        else:
            return True
        return False

    def _on(self) -> None:
        self.draft.report = self.report
        from wizard.view.screens.review import Review

        self.app.push_screen(Review())
