"""nginx's configuration, as text from what was asked for: a pure function."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from wizard.contract import Exposure

TEMPLATE = Path(__file__).with_name("front.conf")
STREAMS = 512  # of one address at a time
QUERY = r"(\?[^\s#]*)?"
ROUTES = (  # what inference needs; /metrics, tokenizers, adapters loaded by request, scaling and documents are not
    "GET|HEAD /health",
    "GET /v1/models",
    r"GET /v1/models/\w[\w.:-]*",
    "POST /v1/chat/completions",
    "POST /v1/completions",
    "POST /v1/responses",
    "POST /v1/messages",
    "POST /v1/messages/count_tokens",
    "POST /v1/embeddings",
    "POST /v1/rerank",
    "POST /v1/score",
    "POST /v1/classify",
    "POST /classify",
    "POST /v1/audio/transcriptions",
    "POST /v1/audio/translations",
)
REFUSALS = {  # status: OpenAI's type and code, and what is said
    400: ("invalid_request_error", "bad_request", "This is not a request that can be read."),
    401: ("authentication_error", "invalid_api_key", "Missing or wrong key: send `Authorization: Bearer KEY`."),
    403: ("permission_error", "address_not_allowed", "This address is not on the list of those that may ask."),
    404: ("invalid_request_error", "not_found", "There is nothing here under this method and path."),
    405: ("invalid_request_error", "method_not_allowed", "This method is not answered."),
    408: ("invalid_request_error", "request_timeout", "The request took too long to arrive."),
    413: ("invalid_request_error", "request_too_large", "The request is longer than what is read here."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Too many requests: wait a moment, then try again."),
    503: ("server_error", "engine_unavailable", "The model is not answering just now: try again in a moment."),
}
NAMED = {  # where nginx's own errors lead; 400 has an address of its own, for a request without a readable one
    "400 414 494 495 496 497 501 505 =400": "/.refused",
    "401": "@401",
    "403": "@403",
    "404": "@404",
    "405": "@405",
    "408": "@408",
    "413": "@413",
    "429": "@429",
    "500 502 503 504 =503": "@503",
}
HEADERS = {401: 'WWW-Authenticate "Bearer"', 429: "Retry-After 1", 503: "Retry-After 2"}


def rendered(exposure: Exposure, engine: str, files: int = 8192) -> str:
    """`engine`: its host:port on loopback, none while it is not there; `files`: that a process may open."""
    values = {
        "FILES": str(files),
        "CONNECTIONS": str(files // 2),
        "ALLOW": _lines(8, _allowed(exposure)),
        "RATE": f"{exposure.rate}r/{exposure.per}",
        "BURST": str(exposure.rate),
        "STREAMS": str(STREAMS),
        "ROUTES": _lines(8, map(_route, ROUTES)),
        "ENGINE": engine or "unix:no-engine.sock",
        "LISTEN": f"{listened(exposure)}{' ssl' if exposure.certificate else ''}",
        "TLS": _lines(8, _tls(exposure)),
        "BODY": str(exposure.max_body_mb),
        "PASS": "proxy_pass http://engine;" if engine else "try_files /.nothing =503;",
        "REFUSALS": _lines(8, _refusals()),
    }
    return re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], TEMPLATE.read_text(encoding="utf-8"))


def engine_key(key: str) -> str:
    return f'proxy_set_header Authorization "Bearer {key}";\n'


def listened(exposure: Exposure) -> str:
    host = f"[{exposure.host}]" if ":" in exposure.host else exposure.host
    return f"{host}:{exposure.port}"


def _lines(indent: int, lines: Iterator[str]) -> str:
    return "\n".join(" " * indent + line for line in lines)


def _allowed(exposure: Exposure) -> Iterator[str]:
    yield f"default {1 if exposure.allow else 0};"
    yield from (f"{network} 0;" for network in exposure.allow)


def _route(route: str) -> str:
    method, path = route.split(" ")
    return rf'"~^({method}) {path}{QUERY} HTTP/1\.[01]$" yes;'


def _tls(exposure: Exposure) -> Iterator[str]:
    if exposure.certificate:
        yield f"ssl_certificate {json.dumps(exposure.certificate, ensure_ascii=False)};"
        yield f"ssl_certificate_key {json.dumps(exposure.certificate_key, ensure_ascii=False)};"
        yield "ssl_protocols TLSv1.2 TLSv1.3;"
        yield "ssl_session_cache shared:tls:2m;"
        yield "ssl_session_tickets off;"


def _refusals() -> Iterator[str]:
    yield from (f"error_page {codes} {place};" for codes, place in NAMED.items())
    for status in REFUSALS:
        place = "= /.refused" if status == 400 else f"@{status}"
        yield f"location {place} {{"
        if status == 400:
            yield "    internal;"
        if status in HEADERS:
            yield f"    add_header {HEADERS[status]} always;"
        yield f"    return {status} '{body(status)}';"
        yield "}"


def body(status: int) -> str:
    """As OpenAI's clients read it."""
    kind, code, message = REFUSALS[status]
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})
