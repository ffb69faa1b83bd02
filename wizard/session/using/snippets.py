"""What other programs need to ask a served model: a text that works when pasted, and holds no key.

The texts lie in templates/, by what the model answers with and what asks; a name behind an @ is filled in.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from wizard.contract import CHAT, pair_of
from wizard.errors import WizardError
from wizard.session.chat import Endpoint
from wizard.strict import nearest

FORMS = ("curl", "python", "langchain", "javascript")
TEMPLATES = Path(__file__).with_name("templates")
LACKS = dict.fromkeys(("score", "judge", "rerank"), ("langchain",))  # it has no class that asks such a model
ROUTES = {"score": "classify", "judge": "classify", "rerank": "rerank", "embedding": "embeddings"}


class _Text(Template):
    delimiter = "@"


def route_of(head: str) -> str:
    """Below /v1, of what a model answers with."""
    return ROUTES.get(head, "chat/completions")


def body_of(endpoint: Endpoint, question: str, head: str) -> dict[str, Any]:
    if head == CHAT:
        return {"model": endpoint.model, "messages": [{"role": "user", "content": question}]}
    if head == "judge":
        return {"model": endpoint.model, "messages": pair_of(question)}
    if head == "rerank":
        return {"model": endpoint.model, "query": question, "documents": [question, endpoint.model]}
    return {"model": endpoint.model, "input": [question]}


def snippet(endpoint: Endpoint, form: str, question: str, head: str = CHAT) -> str:
    """Raises snippet-unknown, snippet-none."""
    if form not in FORMS:
        raise WizardError("snippet-unknown", form=form, known=", ".join(FORMS), nearest=nearest(form, FORMS))
    if form in LACKS.get(head, ()):
        raise WizardError("snippet-none", form=form, known=", ".join(forms_of(head)))
    return _Text(_template(form, head)).substitute(_values(endpoint, form, question, head)).rstrip("\n")


def forms_of(head: str) -> tuple[str, ...]:
    return tuple(form for form in FORMS if form not in LACKS.get(head, ()))


def _template(form: str, head: str) -> str:
    names = (f"{head}.{form}.txt", f"other.{form}.txt", f"{form}.txt")
    return next(file for name in names if (file := TEMPLATES / name).is_file()).read_text(encoding="utf-8")


def _values(endpoint: Endpoint, form: str, question: str, head: str) -> Mapping[str, str]:
    """As the language of `form` writes texts: JSON's are Python's and JavaScript's too."""
    body = json.dumps(body_of(endpoint, question, head), ensure_ascii=False)
    if form == "curl":
        quoted = {"header": shlex.quote(str(endpoint.header_file)), "body": shlex.quote(body)}
        return {"url": endpoint.url, "route": route_of(head), **quoted}
    texts = {"url": endpoint.url, "key_file": str(endpoint.key_file), "model": endpoint.model, "question": question}
    quoted = {name: json.dumps(text, ensure_ascii=False) for name, text in texts.items()}
    return {**quoted, "route": route_of(head), "body": body}
