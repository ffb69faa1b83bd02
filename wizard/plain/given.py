"""A person's own data, and what is done with the model, by flags instead of a file's lines or a question."""

from __future__ import annotations

import argparse
from dataclasses import replace

from wizard.contract import Choice, DataChoice
from wizard.session import Desk


def chosen(desk: Desk, choice: Choice, options: argparse.Namespace) -> Choice:
    """A run file's choice, with what the flags say otherwise."""
    choice = desk.of_other_data(choice, options.data) if options.data else choice
    choice = replace(choice, data=kept(choice.data, options))
    return replace(
        choice,
        quantise=choice.quantise if options.quantise is None else options.quantise,
        evaluate=choice.evaluate or options.evaluate,
        serve=choice.serve and not options.no_serve,
    )


def kept(data: DataChoice, options: argparse.Namespace) -> DataChoice:
    validation = data.validation if options.validation is None else options.validation
    return replace(data, validation=validation, copied=options.copied or data.copied)
