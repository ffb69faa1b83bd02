"""Which hub wants a token, where one is to be had, and its keeping. Tokens are in no argument, plan or log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from wizard import run as engine_room
from wizard.contract import Catalog, Problem
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home

REFUSED = "hub-refused"
PAGES: Mapping[str, tuple[str, str]] = {  # where tokens are made; a model's page
    "modelscope": ("https://modelscope.cn/my/myaccesstoken", "https://modelscope.cn/models/{ref}"),
    "huggingface": ("https://huggingface.co/settings/tokens", "https://huggingface.co/{ref}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    hub: str
    model: str
    made_at: str
    page: str


def wanted(hub: str, problem: Problem, catalog: Catalog) -> Wanted | None:
    """Nothing where the environment has a token: that one would win over any other."""
    if os.environ.get(engine_room.VARIABLES.get(hub, "")):
        return None
    name = str(problem.params.get("model", ""))
    known = catalog.models.get(name)
    ref = next((source.ref for source in known.sources if source.kind == hub), name) if known else name
    made_at, page = PAGES[hub]
    return Wanted(hub=hub, model=ref, made_at=made_at, page=page.format(ref=ref))


def refusing(problem: Problem) -> str:
    """The first hub that refused; empty where none did."""
    if problem.code == REFUSED:
        return str(problem.params.get("hub", ""))
    tried = problem.params.get("tried") if problem.code == "no-source-works" else ()
    return next((str(each["hub"]) for each in tried or () if each.get("code") == REFUSED), "")


def keep(home: Home, hub: str, token: str) -> None:
    """Raises token-odd for what cannot be one."""
    text = token.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise WizardError("token-odd", hub=hub)
    try:
        engine_room.keep_token(home, hub, text)
    except OSError as error:
        told = {"path": str(home.secrets), "error": error.strerror or str(error)}
        raise WizardError("cannot-write-home", exit_code=ExitCode.FAILED, **told) from error
