"""How a tuned model may be served here: by the first engine that can, by another, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wizard.contract import Problem
from wizard.fit.offering import guessing, inference, work
from wizard.fit.offering.engines import Picks, python_for
from wizard.fit.offering.rooms import cards_for
from wizard.fit.offering.setting import Setting

PASSED_OVER = {"short-of-disk": "serve-short-of-disk", "short-of-ram": "serve-short-of-ram"}


def ways_to_serve(setting: Setting) -> Sequence[Picks]:
    """The first choice first."""
    if setting.serves:
        return (setting.picks,)
    key = (setting.alike, setting.model.id)
    if key not in setting.seen.ways:
        setting.seen.ways[key] = tuple(_ways_to_serve(setting))
    return setting.seen.ways[key]


def _ways_to_serve(setting: Setting) -> Iterator[Picks]:
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
        yield served_by(setting, name)
    yield without(picks, Problem(code="no-room-to-serve", params={"model": setting.model.title}))


def serving_cards(setting: Setting, name: str) -> int:
    """Of the cards that are used, those that this engine would serve on together."""
    engine = setting.catalog.engines[name]
    draft = setting.draft if guessing.knows(engine) else None
    return cards_for(setting.model, engine, len(setting.gpus), draft, setting.format)


def by_server(setting: Setting) -> Iterator[Setting]:
    """Where nothing is trained it is the engine that has to fit: each that can run here, in their order, and on several
    cards each that can give all of them a part; those that know a draft where one is asked for. A machine with cards
    serves on its CPU only what answers fast enough there."""
    on_the_side = setting.serves and setting.answers and setting.device == "cpu" and setting.machine.gpus
    if on_the_side and inference.token_seconds(setting, setting.step(setting.recipe.knobs)) > inference.SENSIBLE_TOKEN:
        return
    if not setting.serves or not setting.picks.servers:
        if not setting.serves or len(setting.gpus) < 2:
            yield setting
        return
    guess = [name for name in setting.picks.servers if guessing.knows(setting.catalog.engines[name])]
    for name in (setting.draft and guess) or setting.picks.servers:
        if len(setting.gpus) < 2 or serving_cards(setting, name) == len(setting.gpus):
            yield replace(setting, picks=served_by(setting, name))


def served_by(setting: Setting, name: str) -> Picks:
    if setting.picks.engines.get("serve") == name:
        return setting.picks
    python = python_for(setting.catalog.engines[name], setting.machine, setting.kind)
    picks = setting.picks
    return replace(picks, engines={**picks.engines, "serve": name}, pythons={**picks.pythons, name: python})


def without(picks: Picks, note: Problem) -> Picks:
    engines = {stage: name for stage, name in picks.engines.items() if stage != "serve"}
    return replace(picks, engines=engines, notes=(*picks.notes, note))


def passed_over(setting: Setting, picks: Picks, reason: Problem) -> Problem:
    """Why it is not served as in these picks, which lack only disk or RAM."""
    sizes = {name: reason.params[name] for name in ("needed_bytes", "free_bytes")}
    serve = picks.engines.get("serve", "")
    title = setting.catalog.engines[serve].title if serve else setting.model.title
    return Problem(code=PASSED_OVER[reason.code], params={"engine": title, **sizes})
