"""How a tuned model may be served here: by the first engine that can, by another, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wizard.contract import Problem
from wizard.fit.offering import work
from wizard.fit.offering.engines import Picks, python_for
from wizard.fit.offering.rooms import cards_for
from wizard.fit.offering.setting import Setting

PASSED_OVER = {"short-of-disk": "serve-short-of-disk", "short-of-ram": "serve-short-of-ram"}


def ways_to_serve(setting: Setting) -> Iterator[Picks]:
    """A model may be tuned in 4 bits and still be too large to serve in 16."""
    picks = setting.picks
    if "serve" not in picks.engines:
        yield picks
        return
    whole = setting.gpu.free_bytes if setting.gpu else 0
    needed = {
        name: work.served_bytes(setting.model, setting.format, serving_cards(setting, name)) for name in picks.servers
    }
    able = [name for name in picks.servers if setting.device != "cuda" or needed[name] <= whole]
    if not able:
        params = {"model": setting.model.title, "needed_bytes": min(needed.values()), "free_bytes": whole}
        yield without(picks, Problem(code="too-big-to-serve", params=params))
        return
    for name in able:
        python = python_for(setting.catalog.engines[name], setting.machine, setting.kind)
        yield replace(picks, engines={**picks.engines, "serve": name}, pythons={**picks.pythons, name: python})
    yield without(picks, Problem(code="no-room-to-serve", params={"model": setting.model.title}))


def serving_cards(setting: Setting, name: str) -> int:
    """Of the cards that train, those that this engine would serve on together."""
    return cards_for(setting.model, setting.catalog.engines[name], len(setting.gpus))


def without(picks: Picks, note: Problem) -> Picks:
    engines = {stage: name for stage, name in picks.engines.items() if stage != "serve"}
    return replace(picks, engines=engines, notes=(*picks.notes, note))


def passed_over(setting: Setting, picks: Picks, reason: Problem) -> Problem:
    """Why it is not served as in these picks, which lack only disk or RAM."""
    sizes = {name: reason.params[name] for name in ("needed_bytes", "free_bytes")}
    serve = picks.engines.get("serve", "")
    title = setting.catalog.engines[serve].title if serve else setting.model.title
    return Problem(code=PASSED_OVER[reason.code], params={"engine": title, **sizes})
