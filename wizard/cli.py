"""The verbs: parsed here, done elsewhere. The screens and the plain lines are imported only when asked for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import __version__, words
from wizard.errors import ExitCode, WizardError
from wizard.plain import DATA_FLAGS, ESTIMATE_FLAGS, MODEL_ACTIONS, RESUME_KNOBS, USING, WISH_FLAGS, flags
from wizard.plain.output import tell
from wizard.plain.parsing import Parser, twin, unknown_flag
from wizard.plain.using_flags import expose_flags, keys_flags, measuring_verbs, using_verbs
from wizard.words import say

if TYPE_CHECKING:
    from wizard.session import Desk
    from wizard.view.draft import Draft

HIDDEN, TESTS = ("supervise", "front"), "test"  # of the program itself; of the script


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] and arguments[0] in HIDDEN:
        return _detached(arguments[0], Path(arguments[1]))
    language = _early(arguments, "--lang", "YCDY_LANG")
    if language:
        words.use(language)
    try:
        return _answered(arguments, language)
    except BrokenPipeError:  # who read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK


def _answered(arguments: Sequence[str], language: str) -> int:
    """The verb's exit code, or its Problem's."""
    as_json = "--json" in arguments or twin("--json", {"action": "store_true"})
    try:
        if language and language not in words.LANGUAGES:
            raise WizardError("unknown-language", language=language, known=", ".join(words.LANGUAGES))
        return int(_run(parse(arguments)))
    except WizardError as error:
        return tell(error, as_json=as_json)
    except KeyboardInterrupt:
        print(say("cli.interrupted"), file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        return tell(_unforeseen(error), as_json=as_json)


def _detached(what: str, folder: Path) -> int:
    """Not verbs for people: the detached processes behind a run and behind its open front."""
    from wizard.session.supervising import keep_front, supervise

    return keep_front(folder) if what == "front" else supervise(folder)


def _early(arguments: Sequence[str], flag: str, twin: str) -> str:
    """The language is needed before the parser's own texts are made."""
    for index, argument in enumerate(arguments):
        if argument.startswith(flag + "="):
            return argument.partition("=")[2]
        if argument == flag and index + 1 < len(arguments):
            return arguments[index + 1]
    return os.environ.get(twin, "")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    top = parser()
    first = list(takewhile(lambda word: word.startswith("--"), arguments))
    for word in first:
        if word.partition("=")[0] not in top.flags():
            raise unknown_flag(word, top)
    options, unread = top.parse_known_args(arguments)
    if options.verb in top.verbs() and options.verb != "run":
        unread += [word for word in first if word.partition("=")[0] in (*DATA_FLAGS, *WISH_FLAGS)]
    if unread and options.verb != TESTS:
        raise unknown_flag(unread[0], top.verbs().get(options.verb, top))
    return options


def parser() -> Parser:
    top = Parser(prog="yichuidingyin", description=say("cli.about"), epilog=f"{say('cli.epilog')}\n{say('cli.script')}")
    told: dict[str, Any] = {"version": f"yichuidingyin {__version__}", "help": say("cli.flag.version")}
    top.add_argument("--version", action="version", default=argparse.SUPPRESS, **told)
    _common(top)
    flags.data(top)
    flags.wishes(top)
    verbs = top.add_subparsers(dest="verb", metavar="VERB", title=say("cli.verbs"))
    _starting_verbs(verbs)
    _living_verbs(verbs)
    _caring_verbs(verbs)
    return top


def _common(verb: Parser, **options: Any) -> None:
    """On the program and on each verb; what is said behind the verb counts."""
    verb.add_argument("--lang", choices=words.LANGUAGES, help=say("cli.flag.lang"), **options)
    verb.add_argument("--plain", action="store_true", help=say("cli.flag.plain"), **options)
    verb.add_argument("--json", action="store_true", help=say("cli.flag.json"), **options)
    verb.add_argument("--pretend", metavar="ID[xN]", help=say("cli.flag.pretend"), **options)
    verb.add_argument("--catalog", metavar="DIR", help=say("cli.flag.catalog"), **options)


def _verb(verbs: Any, name: str) -> Parser:
    text = say(f"cli.verb.{name}")
    example = f"{say('cli.example')}\n  {say(f'cli.example-of.{name}')}\n\n{say('cli.script')}"
    verb: Parser = verbs.add_parser(name, help=text, description=text, epilog=example)
    _common(verb, default=argparse.SUPPRESS)
    return verb


def _starting_verbs(verbs: Any) -> None:
    demo = _verb(verbs, "demo")
    demo.add_argument("--name", help=say("cli.flag.name"))
    demo.add_argument("--author", help=say("cli.flag.author"))
    demo.add_argument("--keep", action="store_true", help=say("cli.flag.keep"))
    demo.add_argument("--yes", action="store_true", help=say("cli.flag.yes"))
    _verb(verbs, "probe")
    offers = _verb(verbs, "offers")
    offers.add_argument("--task", default="", help=say("cli.flag.task"))
    offers.add_argument("--model", default="", help=say("cli.flag.model"))
    offers.add_argument("--all", action="store_true", help=say("cli.flag.all_offers"))
    _estimate_verb(verbs)
    _models_verb(verbs)
    _data_verb(verbs)
    run = _verb(verbs, "run")
    run.add_argument("file", metavar="FILE", type=Path, help=say("cli.flag.file"))
    run.add_argument("--check", action="store_true", help=say("cli.flag.check"))
    run.add_argument("--yes", action="store_true", help=say("cli.flag.yes"))
    flags.data(run, default=argparse.SUPPRESS)
    flags.wishes(run, default=argparse.SUPPRESS)


def _estimate_verb(verbs: Any) -> None:
    estimate = _verb(verbs, "estimate")
    estimate.add_argument("--model", default="", metavar="MODEL", help=say("cli.flag.estimate_model"))
    estimate.add_argument("--cases", action="store_true", help=say("cli.flag.cases"))
    estimate.add_argument("--simulate", action="store_true", help=say("cli.flag.simulate"))
    for name in ESTIMATE_FLAGS:
        estimate.add_argument("--" + name.replace("_", "-"), metavar="X", help=say(f"cli.estimate.{name}"))


def _models_verb(verbs: Any) -> None:
    """What YCDY_HUB says is which hub goes first; `--hub` is the only one."""
    models = _verb(verbs, "models")
    told = {"metavar": "WHAT", "choices": MODEL_ACTIONS, "default": "search", "help": say("cli.flag.models_what")}
    models.add_argument("what", nargs="?", **told)
    models.add_argument("names", metavar="NAME", nargs="*", help=say("cli.flag.models_names"))
    models.add_argument("--hub", choices=("modelscope", "huggingface"), help=say("cli.flag.hub"))
    models.add_argument("--yes", action="store_true", help=say("cli.flag.yes"))
    models.set_defaults(hub="auto")


def _data_verb(verbs: Any) -> None:
    data = _verb(verbs, "data")
    data.add_argument("sources", metavar="SOURCE", nargs="*", help=say("cli.flag.source"))
    data.add_argument("--model", default="", help=say("cli.flag.data_model"))
    data.add_argument("--format", default="", metavar="F", help=say("cli.flag.format"))
    data.add_argument("--map", nargs="+", action="extend", metavar="ROLE=COLUMN", help=say("cli.flag.map"))
    data.add_argument("--encoding", default="", metavar="E", help=say("cli.flag.encoding"))
    data.add_argument("--seq-len", type=int, metavar="N", help=say("cli.flag.seq_len"))


def _living_verbs(verbs: Any) -> None:
    _verb(verbs, "runs")
    for name in ("attach", "resume", "stop", "logs", "export"):
        verb = _verb(verbs, name)
        verb.add_argument("run", metavar="RUN", nargs="?", default="", help=say("cli.flag.run"))
        if name == "resume":
            verb.add_argument("--yes", action="store_true", help=say("cli.flag.yes"))
            for knob in RESUME_KNOBS:
                kind = float if knob == "learning_rate" else int
                verb.add_argument("--" + knob.replace("_", "-"), type=kind, metavar="N", help=say(f"knob.{knob}.title"))
        if name == "export":
            verb.add_argument("--as", metavar="FORM", default="", help=say("cli.flag.as"))
            verb.add_argument("--nodes", type=int, metavar="N", help=say("cli.flag.nodes"))
        if name == "stop":
            verb.add_argument("--all", action="store_true", help=say("cli.flag.all"))
            verb.add_argument("--after-checkpoint", action="store_true", help=say("cli.flag.after_checkpoint"))
        if name == "logs":
            verb.add_argument("--stage", default="", help=say("cli.flag.stage"))
            verb.add_argument("--lines", type=int, metavar="N", default=50, help=say("cli.flag.lines"))

    expose_flags(_verb(verbs, "expose"))
    keys_flags(_verb(verbs, "keys"))
    using_verbs({name: _verb(verbs, name) for name in USING})
    measuring_verbs(_verb(verbs, "evaluate"), _verb(verbs, "compare"))

    push = _verb(verbs, "push")
    push.add_argument("run", metavar="RUN", nargs="?", default="", help=say("cli.flag.run"))
    push.add_argument("target", metavar="HUB::ORG/NAME", help=say("cli.flag.target"))
    push.add_argument("--public", action="store_true", help=say("cli.flag.public"))


def _caring_verbs(verbs: Any) -> None:
    _verb(verbs, "doctor")
    uninstall = _verb(verbs, "uninstall")
    uninstall.add_argument("--dry-run", action="store_true", help=say("cli.flag.dry_run"))
    uninstall.add_argument("--yes", action="store_true", help=say("cli.flag.yes"))
    verbs.add_parser(TESTS, help=say("cli.verb.test"))


def _run(options: argparse.Namespace) -> int:
    if options.verb == TESTS:
        raise WizardError("test-without-script")
    from wizard.session import Desk

    catalog = Path(options.catalog) if options.catalog else None
    desk = Desk(pretend=options.pretend, catalog_folder=catalog)
    if options.verb is None:
        return _open_wizard(desk, options)
    if options.verb == "demo":
        from wizard.plain.demo import demo

        return demo(desk, options)
    if options.verb == "estimate":
        from wizard.plain.estimating import estimate

        return estimate(desk, options)
    if options.verb == "models":
        from wizard.plain.models import models

        return models(desk, options)
    if options.verb == "data":
        from wizard.plain.data import data

        return data(desk, options)
    if options.verb in USING:
        from wizard.plain import using

        return int(getattr(using, options.verb)(desk, options))
    from wizard.plain import comparing, fronting, verbs

    rooms = {"expose": fronting, "keys": fronting, "evaluate": comparing, "compare": comparing}
    room = rooms.get(options.verb, verbs)
    return int(getattr(room, options.verb)(desk, options))


def _open_wizard(desk: Desk, options: argparse.Namespace) -> int:
    """The screens where they can be shown; plain questions in a poor terminal; a pointer to the verbs without any."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise WizardError("no-terminal")
    if options.plain or os.environ.get("TERM", "dumb") == "dumb":
        from wizard.plain import questions

        return questions.walk(desk, options)
    from wizard.view.app import WizardApp

    return int(WizardApp(desk, draft=_given(desk, options)).run() or 0)


def _given(desk: Desk, options: argparse.Namespace) -> Draft:
    """The answers that flags give; with data of one's own the cursor stands on a goal that learns from them."""
    from wizard.session import goals
    from wizard.view.draft import Draft

    wishes: dict[str, Any] = {"quantise": options.quantise or "", "evaluate": options.evaluate}
    draft = Draft(validation=options.validation or 0.0, copied=options.copied, serve=not options.no_serve, **wishes)
    if options.data:
        draft.task = next(iter(goals(desk.catalog(), own=True)), "")
        draft.source, draft.path = "path", options.data
    return draft


def _unforeseen(error: Exception) -> WizardError:
    """Our own fault: the traceback goes to a file, the person gets its path."""
    import traceback

    from wizard.journal import Home

    try:
        log = Home.from_environment(os.environ).logs / "wizard.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        log = Path(os.devnull)
    return WizardError("unforeseen", error=f"{type(error).__name__}: {error}", log=str(log), exit_code=ExitCode.FAILED)
