"""Flags that several verbs have, and the wizard too."""

from __future__ import annotations

from typing import Any

from wizard.plain.parsing import Parser, share
from wizard.words import say


def data(verb: Parser, **options: Any) -> None:
    """Of the wizard, on screens and in lines, and of `run`."""
    verb.add_argument("--data", metavar="SOURCE", help=say("cli.flag.data"), **options)
    verb.add_argument("--validation", metavar="SHARE", type=share, help=say("cli.flag.validation"), **options)
    verb.add_argument("--copied", action="store_true", help=say("cli.flag.copied"), **options)


def wishes(verb: Parser, **options: Any) -> None:
    """What is done with the model once it is there, in place of the same questions."""
    verb.add_argument("--quantise", metavar="FORMAT", help=say("cli.flag.quantise"), **options)
    verb.add_argument("--evaluate", action="store_true", help=say("cli.flag.evaluate"), **options)
    verb.add_argument("--no-serve", action="store_true", help=say("cli.flag.no_serve"), **options)
