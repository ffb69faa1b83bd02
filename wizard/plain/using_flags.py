"""Flags of the verbs for a served model, who may ask it and what is measured of one, and how their values are read."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.errors import WizardError
from wizard.plain.parsing import Parser
from wizard.words import say

ACTIONS = ("list", "add", "revoke")  # of `keys`
MOST = 100_000  # of a count


def using_verbs(verbs: Mapping[str, Parser]) -> None:
    for verb in verbs.values():
        verb.add_argument("run", metavar="RUN", nargs="?", default="", help=say("cli.flag.run"))
    chat, snippet, bench = (verbs[name] for name in ("chat", "snippet", "bench"))
    chat.add_argument("--system", metavar="TEXT", help=say("cli.flag.system"))
    chat.add_argument("--temperature", metavar="X", help=say("cli.flag.temperature"))
    chat.add_argument("--top-p", metavar="X", help=say("cli.flag.top_p"))
    chat.add_argument("--max-tokens", metavar="N", help=say("cli.flag.max_tokens"))
    chat.add_argument("--image", nargs="+", action="extend", metavar="PATH", help=say("cli.flag.image"))
    chat.add_argument("--base", action="store_true", help=say("cli.flag.base"))
    snippet.add_argument("--as", metavar="FORM", default="", help=say("cli.flag.snippet_as"))
    bench.add_argument("--concurrency", type=counts, metavar="N,N", help=say("cli.flag.concurrency"))
    bench.add_argument("--prompt", type=counted, metavar="N", help=say("cli.flag.prompt"))
    bench.add_argument("--tokens", type=counted, metavar="N", help=say("cli.flag.tokens"))
    bench.add_argument("--wait", type=waiting, metavar="S", help=say("cli.flag.wait"))


def counted(text: str) -> int:
    """Raises WizardError usage-no-count."""
    if not (text.strip().isascii() and text.strip().isdigit() and 0 < int(text) <= MOST):
        raise WizardError("usage-no-count", found=text, most=MOST)
    return int(text)


def counts(text: str) -> tuple[int, ...]:
    """Of `1,2,4`, in their order. Raises WizardError usage-no-count."""
    return tuple(sorted({counted(part) for part in text.split(",")}))


def waiting(text: str) -> float:
    """Seconds. Raises WizardError usage-no-seconds."""
    try:
        found = float(text.strip().removesuffix("s"))
    except ValueError:
        found = 0.0
    if not 0 < found <= MOST:
        raise WizardError("usage-no-seconds", found=text)
    return found


def measuring_verbs(evaluate: Parser, compare: Parser) -> None:
    evaluate.add_argument("run", metavar="RUN", nargs="?", default="", help=say("cli.flag.run"))
    evaluate.add_argument("--benchmark", metavar="ID", nargs="+", default=(), help=say("cli.flag.benchmark"))
    evaluate.add_argument("--checkpoints", action="store_true", help=say("cli.flag.checkpoints"))
    compare.add_argument("runs", metavar="RUN", nargs="*", help=say("cli.flag.compared"))
    for name, shown in (("picture", "FILE"), ("blind", "FILE"), ("judge", "MODEL@URL")):
        compare.add_argument(f"--{name}", metavar=shown, default="", help=say(f"cli.flag.{name}"))


def expose_flags(verb: Parser) -> None:
    verb.add_argument("run", metavar="RUN", nargs="?", default="", help=say("cli.flag.run"))
    verb.add_argument("--listen", metavar="ADDRESS:PORT", default="", help=say("cli.front.listen"))
    verb.add_argument("--allow", metavar="NETWORK", nargs="+", help=say("cli.front.allow"))
    verb.add_argument("--tls", metavar="HOW", default="", help=say("cli.front.tls"))
    verb.add_argument("--rate", metavar="N/s", default="", help=say("cli.front.rate"))
    verb.add_argument("--max-body", type=int, metavar="MB", help=say("cli.front.max_body"))
    verb.add_argument("--off", action="store_true", help=say("cli.front.off"))
    verb.add_argument("--status", action="store_true", help=say("cli.front.status"))
    verb.add_argument("--yes", action="store_true", help=say("cli.front.yes"))


def keys_flags(verb: Parser) -> None:
    verb.add_argument("what", metavar="WHAT", nargs="?", choices=ACTIONS, default="list", help=say("cli.front.what"))
    verb.add_argument("name", metavar="NAME", nargs="?", default="", help=say("cli.front.name"))
