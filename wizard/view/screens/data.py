"""What the model learns from: the bundled set with its blanks filled in, a file, or pasted rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key as Press
from textual.events import Paste
from textual.timer import Timer
from textual.widgets import Input, TextArea

from wizard.contract import Dataset
from wizard.view import findings, telling
from wizard.view.draft import SourceKind, Told
from wizard.view.looking import Looking
from wizard.view.reading import Look, reading
from wizard.view.screens.help import Leaf
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, Pick, PlainStatic
from wizard.view.widgets.field import Answer, Field, PathSuggester
from wizard.view.widgets.found import Found
from wizard.words import say

PAUSE = 0.3
PATIENCE = 0.5  # seconds between two words on how far a reading is


class DataStep(Page):
    NAME = "data"
    STEP = "data"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", show=False),
        Binding("f5", "look", show=False),
        Binding("f6", "columns", show=False),
        Binding("f7", "reasons", show=False),
        Binding("question_mark", "help", show=False, priority=True),
    ]
    look = Look()
    _asked: object = None  # what is on the screen, or being read, belongs to
    _reading = False
    _timer: Timer | None = None

    def on_mount(self) -> None:
        self._looking = Looking()
        if self.draft.source not in self.sources:
            self.draft.source = self.sources[0]
        super().on_mount()
        self.set_interval(PATIENCE, self._tell_progress)

    def on_unmount(self) -> None:
        self._looking.leave()

    @property
    def dataset(self) -> Dataset | None:
        catalog = self.desk.catalog()
        verdict = self.draft.verdict
        names = catalog.recipes[verdict.recipe].datasets if verdict else ()
        return catalog.datasets[names[0]] if names else None

    @property
    def sources(self) -> list[SourceKind]:
        if self.draft.task == "identity":
            return ["bundled"]
        return ["bundled", "path", "paste"] if self.dataset else ["path", "paste"]

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
        yield PlainStatic(id="hint", classes="hidden")
        yield Found(id="found")

    def keys(self) -> Sequence[Key]:
        """In a box of many lines Enter makes a new one, so F5 is the key that goes on."""
        pasting = self.draft.source == "paste"
        check = [Key("F5", "next" if self._ready() else "check", "look")] if pasting else []
        complete = [Key("right", "complete", "look")] if self.draft.source == "path" and not self.look.report else []
        return [
            *([] if isinstance(self.focused, TextArea) else [Key("enter", "next", "next")]),
            *check,
            *complete,
            *([Key("F6", "columns", "columns")] if self._mappable() else []),
            *([Key("F7", "reasons", "reasons")] if self.look.report and self.look.report.rejected else []),
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
        self._tell()
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
        if not (self.focused and self.focused.display):
            self.call_after_refresh(self._focus_first)
        self.refresh_keys()

    def _mappable(self) -> bool:
        """Whether there is something that can be said of the source."""
        return self.draft.source != "bundled" and bool(self.look.report or self.look.columns)

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
        self.look, self.draft.told = Look(), Told()
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
            self.draft.path, self.draft.told = event.value, Told()
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
        self.query_one("#hint", PlainStatic).set_class(not text, "hidden").show((text, "$warning bold"))

    # what it was recognised as

    def _look_soon(self) -> None:
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._look)

    def action_look(self) -> None:
        if self._ready():
            return self.action_next() if self.draft.source == "paste" else None
        self.draft.pasted_path = ""
        self._look()

    def _ready(self) -> bool:
        """Whether what is written is what was looked at, and can be used."""
        return self.look.report is not None and self._key() == self._asked

    def _key(self) -> object:
        draft, dataset = self.draft, self.dataset
        if draft.source == "bundled" and dataset:
            return ("bundled", dataset.id, draft.data_language(dataset), tuple(draft.filled(dataset).items()))
        typed = draft.path.strip() if draft.source == "path" else draft.pasted
        return (draft.source, typed, draft.told) if typed else None

    def _look(self) -> None:
        key = self._key()
        if key is None or key == self._asked:
            return
        self._asked, self._reading = key, True
        self._read(key)

    def _read(self, key: object, *, count: bool = False) -> None:
        self.errand(
            reading(self.desk, self.draft, self.dataset, self._looking.begin(), count=count),
            lambda look: self._looked(key, look),
            lambda problem: self._looked(key, Look(problem=problem)),
        )

    def _looked(self, key: object, look: Look | None) -> None:
        if key != self._asked or look is None:
            return
        self.look, self._reading = look, False
        self._arrange()
        self._tell()
        if look.countable:
            self._read(key, count=True)

    def _tell_progress(self) -> None:
        if self._reading and self._looking.rows:
            self.query_one(Found).wait(self._looking.rows)

    def _tell(self) -> None:
        limit = self.draft.verdict.knobs.seq_len if self.draft.verdict else 0
        self.query_one(Found).tell(self.look, limit, whole=self.draft.source != "bundled", task=self.draft.task)

    # said otherwise, and told in full

    def action_columns(self) -> None:
        from wizard.view.screens.columns import ColumnsScreen

        if self._mappable() and not self._reading:
            self.app.push_screen(ColumnsScreen(self.look, self.dataset), self._said)

    def _said(self, look: object) -> None:
        if isinstance(look, Look):
            self._asked = self._key()
            self._looked(self._asked, look)

    def action_reasons(self) -> None:
        if (report := self.look.report) and report.rejected:
            self.app.push_screen(Leaf("view.data.reasons", lambda: "\n".join(findings.rejects(report))))

    # going on

    def action_next(self) -> None:
        key = self._key()
        if key is None:
            self._hint(say("view.data.missing"))
        elif self.draft.source == "bundled" or (key == self._asked and self._usable()):
            self._on()
        else:
            self._look()

    def _usable(self) -> bool:
        """Whether there are rows for this goal; where not, it is said."""
        look = self.look
        if look.report is None or self._reading:
            return False
        if not look.report.usable:
            self._hint(say("view.data.no_rows"))
        elif look.unsuited:
            self._hint(telling.told(look.unsuited)["next"])
        else:
            return True
        return False

    def _on(self) -> None:
        self._looking.leave()
        self.draft.report = self.look.report
        from wizard.view.screens.review import Review

        self.app.push_screen(Review())
