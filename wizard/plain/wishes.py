"""What is done with the model once it is there, asked in lines; a flag answers its question."""

from __future__ import annotations

import argparse
from typing import Any

from wizard.contract import DataChoice, Verdict
from wizard.plain import asking
from wizard.session import Desk
from wizard.words import pick, say


def asked(desk: Desk, verdict: Verdict, data: DataChoice, options: argparse.Namespace) -> dict[str, Any]:
    """serve, quantise, evaluate, as `Desk.choose` takes them. Serving is asked last: what comes before it may end the
    wish for it."""
    quantise = options.quantise
    if quantise is None:
        quantise = _format(desk, verdict, data, serve=not options.no_serve)
    able = desk.evaluates(verdict.recipe, verdict.model)
    evaluate = options.evaluate or (able and asking.sure(say("ask.evaluate"), default=False))
    serve = not options.no_serve and (not (quantise or evaluate) or asking.sure(say("ask.serve"), default=True))
    return {"serve": serve, "quantise": quantise, "evaluate": evaluate}


def _format(desk: Desk, verdict: Verdict, data: DataChoice, *, serve: bool) -> str:
    """Those that can be had here, each with who loads it; nothing is asked where there is none."""
    listed = desk.smaller(verdict.recipe, verdict.model, rows=data.kind != "none", serve=serve)
    able = [each for each in listed if each.able]
    if not able:
        return ""
    named = [(f"{pick(each.format.title)}  {each.told}", each.format.id) for each in able]
    return asking.choose(say("ask.quantise"), [(say("ask.as_trained"), ""), *named])
