"""A hub's token, asked for once where somebody is there to be asked; it is typed unseen and never shown."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TypeVar

from wizard.contract import Problem
from wizard.errors import WizardError
from wizard.plain import asking
from wizard.plain.output import talk
from wizard.session import Desk
from wizard.words import say

T = TypeVar("T")


def with_token(desk: Desk, options: argparse.Namespace, work: Callable[[], T]) -> T:
    """Does it once more with the token that a hub wanted."""
    try:
        return work()
    except WizardError as error:
        if not given(desk, error.problem, options):
            raise
    return work()


def given(desk: Desk, problem: Problem, options: argparse.Namespace) -> bool:
    """Whether a token was typed and kept; Enter alone goes without."""
    wanted = desk.models.token_for(problem)
    if not wanted or options.json or getattr(options, "yes", False) or not sys.stdin.isatty():
        return False
    hub = say(f"hub.{wanted.hub}")
    talk(say("token.why", hub=hub, model=wanted.model))
    talk(say("token.page", page=wanted.page))
    talk(say("token.where", made_at=wanted.made_at))
    token = asking.secret(say("token.ask", hub=hub))
    if not token:
        return False
    desk.models.keep_token(wanted.hub, token)
    talk(say("token.kept"))
    return True
