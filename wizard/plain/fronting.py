"""`expose` and `keys`: a served run opened to others, and the keys that open it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wizard.contract import Exposure, Front
from wizard.errors import ExitCode, WizardError
from wizard.plain.output import answer, print_json, problem_data, table, talk
from wizard.view import opened, telling
from wizard.words import say

if TYPE_CHECKING:
    from wizard.session import Desk

ASKED = ("listen", "allow", "tls", "rate", "max_body")


# keys


def keys(desk: Desk, options: argparse.Namespace) -> int:
    if options.what != "list" and not options.name:
        raise WizardError("usage-lacks", what="NAME", command=" keys")
    if options.what == "list" and options.name:
        raise WizardError("usage-too-much", what=options.name, command=" keys")
    {"list": _list, "add": _add, "revoke": _revoke}[options.what](desk, options)
    return ExitCode.OK


def _list(desk: Desk, options: argparse.Namespace) -> None:
    known = desk.fronts.known_keys()
    if options.json:
        print_json([{"name": key.name, "made": key.made} for key in known])
    else:
        answer(
            table([(key.name, say("front.made", day=opened.day(key.made))) for key in known]) or say("front.keys_none")
        )


def _add(desk: Desk, options: argparse.Namespace) -> None:
    key = desk.fronts.add_key(options.name)
    if options.json:
        print_json({"name": options.name, "key": key})
    else:
        show_key(options.name, key)


def show_key(name: str, key: str) -> None:
    talk(say("front.key_made", name=name))
    answer(key)


def _revoke(desk: Desk, options: argparse.Namespace) -> None:
    desk.fronts.revoke_key(options.name)
    if options.json:
        print_json({"revoked": options.name})
    else:
        talk(say("front.key_revoked", name=options.name))


# expose


def expose(desk: Desk, options: argparse.Namespace) -> int:
    if options.status:
        return _status(desk, options)
    run = _run(desk, options.run, is_open=options.off)
    if options.off:
        return _off(desk, run, options)
    _ask(options)
    exposure = desk.fronts.asked(
        run,
        listen=options.listen,
        allow=[options.allow] if isinstance(options.allow, str) else options.allow or (),  # of its twin
        tls=options.tls,
        rate=options.rate,
        max_body_mb=options.max_body,
    )
    front = _opened(desk, run, exposure, options)
    made = {} if desk.fronts.known_keys() else {desk.fronts.FIRST_KEY: desk.fronts.add_key(desk.fronts.FIRST_KEY)}
    if options.json:
        keys = [{"name": name, "key": key} for name, key in made.items()]
        print_json(data(front) | {"keys": [key.name for key in desk.fronts.known_keys()], "made": keys})
    else:
        answer("\n".join(told(desk, front)))
        for name, key in made.items():
            show_key(name, key)
        talk(say("front.close", run=run))
    return ExitCode.OK


def _run(desk: Desk, name: str, *, is_open: bool = False) -> str:
    """The run that was named, or the newest that serves; to be closed, the newest that is open."""
    if name:
        return desk.folder(name).name
    states = desk.runs()
    if is_open and (found := [state.run for state in states if desk.fronts.standing(state.run).status != "off"]):
        return found[0]
    serving = [state.run for state in states if state.status == "serving"]
    if not serving:
        raise WizardError("no-run-serving")
    return serving[0]


def _ask(options: argparse.Namespace) -> None:
    """The questions of the screen, where nothing was said by flags and somebody is there to be asked."""
    said = any(getattr(options, name) not in (None, "", []) for name in ASKED)
    if said or options.yes or options.json or not sys.stdin.isatty():
        return
    from wizard.plain import asking

    options.listen = asking.text(say("front.ask_listen"), "0.0.0.0:8443")
    options.allow = [asking.text(say("front.ask_allow"), "private")]
    options.tls = asking.text(say("front.ask_tls"), "self-signed")


def _opened(desk: Desk, run: str, exposure: Exposure, options: argparse.Namespace) -> Front:
    """Where nginx is missing it is installed first, if that was said or is answered."""
    command = desk.fronts.installer()
    if command and (options.yes or _sure(command, options)):
        desk.fronts.install(lambda line: talk(say("front.installing", command=line)))
    return desk.fronts.open(run, exposure)


def _sure(command: str, options: argparse.Namespace) -> bool:
    if options.json or not sys.stdin.isatty():
        return False
    from wizard.plain import asking

    return asking.sure(say("front.install_sure", command=command), default=True)


def _off(desk: Desk, run: str, options: argparse.Namespace) -> int:
    was_open = desk.fronts.close(run)
    if options.json:
        print_json({"run": run, "closed": was_open})
    else:
        talk(say("front.closed" if was_open else "front.not_open", run=run))
    return ExitCode.OK


def _status(desk: Desk, options: argparse.Namespace) -> int:
    names = [_run(desk, options.run)] if options.run else [state.run for state in desk.runs()]
    fronts = [desk.fronts.standing(name) for name in names]
    shown = fronts if options.run else [front for front in fronts if front.status != "off"]
    if options.json:
        print_json([data(front) for front in shown])
    elif not shown:
        answer(say("front.none_open"))
    for front in shown if not options.json else ():
        answer("\n".join(told(desk, front)))
    return ExitCode.FAILED if any(front.problem for front in shown) else ExitCode.OK


# told


def told(desk: Desk, front: Front) -> Iterator[str]:
    yield opened.headline(front)
    if front.status == "off":
        return
    yield table([(f"  {name}", value) for name, value in opened.facts(front)])
    names = ", ".join(key.name for key in desk.fronts.known_keys())
    yield f"  {say('front.keys_are')}: {names}" if names else f"  {say('front.keys_none')}"
    for problem in (*([front.problem] if front.problem else []), *front.warnings):
        texts = telling.told(problem)
        yield f"! {telling.sentence(texts['what'], texts['why'], texts['next'])}"


def data(front: Front) -> dict[str, Any]:
    exposure = front.exposure
    if not exposure:
        return {"run": front.run, "status": front.status}
    certificate = {
        "certificate": exposure.certificate,
        "self_signed": exposure.self_signed,
        "expires": front.expires,
        "fingerprint": front.fingerprint,
    }
    listened = f"[{exposure.host}]" if ":" in exposure.host else exposure.host
    return {
        "run": front.run,
        "status": front.status,
        "url": front.url,
        "listen": f"{listened}:{exposure.port}",
        "allow": list(exposure.allow) or "all",
        "tls": certificate if exposure.certificate else None,
        "rate": f"{exposure.rate}/{exposure.per}",
        "max_body_mb": exposure.max_body_mb,
        "restarts": front.restarts,
        "warnings": [problem_data(each) for each in front.warnings],
        **({"problem": problem_data(front.problem)} if front.problem else {}),
    }
