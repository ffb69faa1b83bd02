"""A served run opened to others: who may ask, how it is kept secret on the way, and a key that is shown once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from wizard.contract import PRIVATE_NETWORKS, Exposure, Front, Problem
from wizard.view import opened, telling
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, Pick, PlainStatic
from wizard.view.widgets.facts import Facts
from wizard.view.widgets.field import Answer, Field
from wizard.words import say

LISTEN, ALLOW = "0.0.0.0:8443", "private"
TLS = ("self-signed", "own", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of it by now. `made`: the name and the key of one that was just made."""

    front: Front
    keys: tuple[str, ...]
    installer: str = ""
    made: tuple[str, str] = ("", "")


class ExposeScreen(Page):
    NAME = "expose"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", show=False),
        Binding("f4", "copy", show=False),
        Binding("f5", "new_key", show=False),
        Binding("f6", "close", show=False),
        Binding("question_mark", "help", show=False, priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]
    standing: Standing | None = None
    busy = ""

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run = run
        self.given = {"listen": LISTEN, "allow": ALLOW, "tls": TLS[0], "tls-own": "", "key-name": ""}

    def aside(self) -> str:
        return self.run

    def body(self) -> ComposeResult:
        yield PlainStatic(id="what")
        yield Field(say("view.expose.listen"), self._box("listen"), id="field-listen")
        yield Field(say("view.expose.allow"), self._box("allow"), id="field-allow")
        choices = [(name, say(f"view.expose.pick.{name}")) for name in TLS]
        yield Field(say("view.expose.tls"), Pick(choices, value=self.given["tls"], id="tls"), id="field-tls")
        own = self._box("tls-own")
        own.placeholder = say("view.expose.tls_own_hint")
        yield Field(say("view.expose.tls_own"), own, id="field-tls-own")
        yield Field(say("view.expose.key"), self._box("key-name"), id="field-key-name")
        yield PlainStatic(id="state")
        yield PlainStatic(id="key-title")
        yield PlainStatic(id="key")
        yield PlainStatic(id="key-note")
        yield Facts(id="facts")
        yield PlainStatic(id="warned")

    def _box(self, name: str) -> Answer:
        return Answer(self.given[name], id=name, compact=True, select_on_focus=False)

    def keys(self) -> Sequence[Key]:
        is_open = bool(self.standing and self.standing.front.status != "off")
        return [
            Key("enter", "change_front" if is_open else "open_front", "open"),
            *([Key("F6", "close_front", "close")] if is_open else []),
            Key("F5", "new_key", "new_key"),
            *([Key("F4", "copy_key", "copy")] if self.standing and self.standing.made[1] else []),
            Key("tab", "field", "app.focus_next"),
            Key("esc", "back", "back"),
            Key("?", "help", "help"),
            Key("F2", "language", "app.language"),
        ]

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#listen", Input).focus()
        self._do("reading", lambda: self._stands())

    def fill(self) -> None:
        self.query_one("#what", PlainStatic).update(say("view.expose.what"))
        self.query_one("#field-tls-own").set_class(self.given["tls"] != "own", "hidden")
        self._tell()

    # what is known

    def _stands(self, made: tuple[str, str] = ("", "")) -> Standing:
        fronts = self.desk.fronts
        keys = tuple(key.name for key in fronts.known_keys())
        return Standing(front=fronts.standing(self.run), keys=keys, installer=fronts.installer(), made=made)

    def _do(self, busy: str, work: Callable[[], Standing]) -> None:
        """One errand at a time."""
        if self.busy:
            return
        self.busy = say(f"view.expose.{busy}", command=self.standing.installer if self.standing else "")
        self._tell()
        self.errand(work, self._came, self._failed)

    def _came(self, standing: Standing) -> None:
        first, self.busy, self.standing = self.standing is None, "", standing
        if first:
            self._take_over(standing.front)
        self._tell()
        self.refresh_keys()
        if standing.made[1]:
            self.query_one("#key").scroll_visible(animate=False)

    def _failed(self, problem: Problem) -> None:
        self.busy = ""
        self._tell()
        self.window.explain(problem)

    def _take_over(self, front: Front) -> None:
        """Of one that is open already, its own answers."""
        if exposure := front.exposure:
            host = f"[{exposure.host}]" if ":" in exposure.host else exposure.host
            self.query_one("#listen", Input).value = f"{host}:{exposure.port}"
            self.query_one("#allow", Input).value = _spelt(exposure)
            chosen = "self-signed" if exposure.self_signed else "own" if exposure.certificate else "off"
            self.query_one("#tls", Pick).chosen = TLS.index(chosen)
            self._picked(chosen)
            if chosen == "own":
                self.query_one("#tls-own", Input).value = f"{exposure.certificate},{exposure.certificate_key}"
        if self.standing and not self.standing.keys:
            self.query_one("#key-name", Input).value = self.desk.fronts.FIRST_KEY

    def _tell(self) -> None:
        known = self.standing
        is_open = known is not None and known.front.status != "off"
        self.query_one("#what").set_class(is_open, "hidden")
        self.query_one("#state", PlainStatic).update(self.busy or (self._state(known) if known else ""))
        self.query_one("#facts", Facts).tell(list(opened.facts(known.front)) if known and is_open else [])
        name, key = known.made if known else ("", "")
        self.query_one("#key-title", PlainStatic).update(say("view.expose.key_new", name=name) if key else "")
        self.query_one("#key", PlainStatic).update(key)
        self.query_one("#key-note", PlainStatic).update(say("view.expose.key_note", name=name) if key else "")
        self.query_one("#warned", PlainStatic).update("\n".join(_warnings(known.front)) if known else "")

    def _state(self, known: Standing) -> str:
        lines = [opened.headline(known.front)] if known.front.status != "off" else []
        if known.installer:
            lines.append(say("view.expose.missing", command=known.installer))
        if known.keys:
            lines.append(say("view.expose.keys_there", names=", ".join(known.keys)))
        return "\n".join(lines)

    # answers

    def on_input_changed(self, event: Input.Changed) -> None:
        self.given[str(event.input.id)] = event.value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_open()

    @on(Pick.Picked, "#tls")
    def _tls_picked(self, event: Pick.Picked) -> None:
        self._picked(event.value)

    def _picked(self, value: str) -> None:
        self.given["tls"] = value
        self.query_one("#field-tls-own").set_class(value != "own", "hidden")

    def on_descendant_focus(self) -> None:
        self.refresh_keys()

    # keys

    def action_open(self) -> None:
        given, fronts = dict(self.given), self.desk.fronts
        missing = bool(self.standing and self.standing.installer)

        def opened_now() -> Standing:
            tls = given["tls-own"] or "own" if given["tls"] == "own" else given["tls"]
            exposure = fronts.asked(self.run, listen=given["listen"], allow=[given["allow"]], tls=tls)
            if missing:
                fronts.install()
            fronts.open(self.run, exposure)
            if fronts.known_keys():
                return self._stands(self.standing.made if self.standing else ("", ""))
            name = given["key-name"].strip() or fronts.FIRST_KEY
            return self._stands((name, fronts.add_key(name)))

        self._do("installing" if missing else "opening", opened_now)

    def action_close(self) -> None:
        def closed() -> Standing:
            self.desk.fronts.close(self.run)
            return self._stands()

        self._do("closing", closed)

    def action_new_key(self) -> None:
        name = self.given["key-name"].strip()
        self._do("making", lambda: self._stands((name, self.desk.fronts.add_key(name))))

    def action_copy(self) -> None:
        """Through the terminal (OSC 52), so it arrives at the machine a person sits at."""
        if self.standing and self.standing.made[1]:
            self.app.copy_to_clipboard(self.standing.made[1])
            self.notify(say("view.expose.copied"), markup=False)


def _spelt(exposure: Exposure) -> str:
    """As a person asks for it."""
    return "private" if exposure.allow == PRIVATE_NETWORKS else " ".join(exposure.allow) or "all"


def _warnings(front: Front) -> list[str]:
    told = [telling.told(problem) for problem in (*([front.problem] if front.problem else []), *front.warnings)]
    return [f"! {telling.sentence(texts['what'], texts['next'])}" for texts in told]
