"""What the exposed surface lets through: nothing but inference with a key. The engine behind it answers everything."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from guarded import Served, parted, serving

ROUTES = (  # of vLLM 0.32 and our own servers, with keys or without (walked), and of SGLang and LMDeploy (read)
    "/", "/ping", "/version", "/load", "/metrics", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json",
    "/kv_event_sources", "/tokenize", "/detokenize", "/invocations", "/generative_scoring", "/scale_elastic_ep",
    "/is_scaling_elastic_ep", "/inference/v1/generate", "/inference/v1/abort_requests", "/cohere/v2/rerank",
    "/v2/rerank", "/rerank", "/score", "/pooling", "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/systemone",
    "/v1/chat/completions/render", "/v1/completions/render", "/v1/responses/resp_1", "/v1/responses/resp_1/cancel",
    "/v1/realtime", "/v1/files", "/server_info", "/get_server_info", "/flush_cache", "/update_weights_from_disk",
    "/load_lora_adapter", "/start_profile", "/shutdown", "/terminate", "/sleep", "/wake_up", "/collective_rpc",
    "/reset_prefix_cache", "/.wicket", "/.refused", "/.nowhere", "/nginx.conf", "/engine.conf", "/keys.sock",
)  # fmt: skip
OPEN = ("/v1/models", "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/classify")
TRICKS = (
    "//v1/models", "/v1//models", "/v1/./models", "/v1/../metrics", "/v1/models/../../metrics", "/./metrics",
    "/%2e%2e/metrics", "/v1/%2e%2e/metrics", "/v1%2fmodels", "/v1/models%2f..%2f..%2fmetrics", "/v1/models/",
    "/V1/models", "/v1/models%00", "/v1/models;/../metrics", "/health/../metrics", "/health/..%2fmetrics", "/health/",
    "/healthz", "/v1/models#/../metrics", "/v1\\models", "/v1/models/%2e%2e", "/v1/models/..", "/v1/%6dodels",
    "/%76%31/models", "http://127.0.0.1/metrics", "http://evil/v1/models", "//evil/v1/models", "*", "v1/models",
    "/v1/chat/completions/", "/health?/../metrics", "/v1/models?a b",
)  # fmt: skip
REFUSED = {400, 401, 403, 404, 405, 408, 413, 414, 429}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("scan") / "home") as served:
        served.key = served.fronts.add_key("alice")
        served.open(rate="100000/s", max_body_mb=1)
        yield served


def refused(front: Served, answer: tuple[int, bytes]) -> bool:
    """Nothing reached the engine, and what comes back is one of our refusals, or the line is cut."""
    reached, front.engine.seen[:] = list(front.engine.seen), []
    return reached == [] and (answer[0] in REFUSED or answer == (0, b"")) and b'"tiny"' not in answer[1]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("route", [*ROUTES, *OPEN])
def test_no_route_answers_without_a_key_or_with_a_wrong_one(front: Served, route: str, method: str) -> None:
    for key in ("", "sk-wrong", front.key[:-1], front.key.swapcase(), f"{front.key}x"):
        status, body = front.ask(route, key, method, b"{}" if method == "POST" else b"")
        assert refused(front, (status, body))
        inner = route in ("/.wicket", "/.refused")
        assert (status, json.loads(body)["error"]["code"]) == (
            (404, "not_found") if inner else (401, "invalid_api_key")
        )


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("route", ROUTES)
def test_with_the_right_key_there_is_nothing_but_inference(front: Served, route: str, method: str) -> None:
    assert refused(front, front.ask(route, front.key, method, b"{}" if method == "POST" else b""))


@pytest.mark.parametrize("path", TRICKS)
def test_no_trick_with_the_path_leads_anywhere(front: Served, path: str) -> None:
    for key in ("", front.key):
        answer = front.ask(path, key)
        if path.startswith("/health?"):  # health itself, by its whole name: open, and nothing else
            assert [seen[1] for seen in front.engine.seen] == [path]
            front.engine.seen.clear()
        else:
            assert refused(front, answer), answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "PROPFIND", "get"])
def test_other_methods_are_refused(front: Served, method: str) -> None:
    assert refused(front, front.ask("/v1/models", front.key, method))


HIDDEN = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLED = {
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": b"Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}" + HIDDEN,
    "lengths in one line": b"Content-Length: 2, 60\r\n\r\n{}",
    "a length with a sign": b"Content-Length: +2\r\n\r\n{}",
    "chunks of another kind": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "space before the colon": b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}",
    "a folded line": b"Content-Length: 2\r\n Transfer-Encoding: chunked\r\n\r\n{}",
    "a null in a name": b"Content-\x00Length: 2\r\n\r\n{}",
    "two hosts": b"Host: y\r\nContent-Length: 2\r\n\r\n{}",
    "too long a header": b"X-A: " + b"a" * 70_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("how", SMUGGLED)
def test_requests_that_two_programs_could_read_differently_are_refused(front: Served, how: str) -> None:
    head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    assert refused(front, parted(front.raw(head + SMUGGLED[how])))
    head += f"Authorization: Bearer {front.key}\r\n".encode()
    answer = parted(front.raw(head + SMUGGLED[how]))
    if how in ("space before the colon", "a folded line", "a null in a name") and front.engine.seen:
        (only,) = front.engine.seen  # read as one request, and told the engine anew in plain words
        assert only[3] in (b"{}", b"") and "Transfer-Encoding" not in only[2]
        front.engine.seen.clear()
    else:
        assert refused(front, answer), answer


@pytest.mark.parametrize(
    "lines",
    [
        "Authorization: Bearer {key}\r\nAuthorization: Bearer x",
        "Authorization: Bearer x\r\nAuthorization: Bearer {key}",
        "Authorization_: Bearer {key}",
        "Authorization: Basic {key}",
        "Authorization: {key}",
        "Authorization: Bearer {key} x",
        "Authorization: Bearer x, Bearer {key}",
        "Proxy-Authorization: Bearer {key}",
        "X-Api-Key: {key}",
        "X-Key-Name: alice",
        "Cookie: key={key}",
    ],
)
def test_a_key_counts_in_its_own_header_alone_and_once(front: Served, lines: str) -> None:
    assert refused(front, front.ask(more=lines.format(key=front.key)))


def test_a_key_in_the_address_opens_nothing_and_is_in_no_log(front: Served) -> None:
    assert refused(front, front.ask(f"/v1/models?api_key={front.key}"))
    assert refused(front, front.ask(f"/{front.key}"))
    written = b"".join(path.read_bytes() for path in front.path.iterdir() if path.is_file())
    assert front.key.encode() not in written


@pytest.mark.parametrize("key", [True, False])
def test_a_websocket_is_refused(front: Served, key: bool) -> None:
    upgrade = "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
    for path in ("/v1/realtime", "/v1/models", "/health"):
        assert refused(front, front.ask(path, front.key if key else "", more=upgrade))


def test_too_long_a_body_is_refused_with_its_length_told_or_not(front: Served) -> None:
    for key in ("", front.key):
        status, body = front.ask("/v1/completions", key, "POST", more="Content-Length: 5000000\r\nExpect: 100-continue")
        assert (status, json.loads(body)["error"]["code"]) == (413, "request_too_large")
    head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {front.key}\r\n"
    head += "Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"80000\r\n" + b"a" * 0x80000 + b"\r\n"
    assert refused(front, parted(front.raw(head.encode() + chunk * 2, chunk)))


def test_what_is_no_http_is_refused(front: Served) -> None:
    no_http = (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-x", b"PRI * HTTP/2.0", b"\x00")
    for data in no_http:
        assert refused(front, parted(front.raw(data + b"\r\n\r\n")))
    assert front.raw(b"GET /v1/models\r\n").startswith(b'{"error"')  # HTTP/0.9 has no head
    assert front.engine.seen == []


def test_the_engine_hears_nothing_of_the_client_but_the_question(front: Served) -> None:
    told = ("X-Forwarded-For: 1.2.3.4", "Cookie: a=b", "X_Under: 1", "X-Accel-Redirect: /metrics", "TE: trailers")
    more = "\r\n".join(told)
    status, _ = front.ask("/v1/completions", front.key, "POST", b'{"prompt": "x"}', more)
    ((method, path, headers, body),) = front.engine.seen
    front.engine.seen.clear()
    assert (status, method, path, body) == (200, "POST", "/v1/completions", b'{"prompt": "x"}')
    assert {name.lower() for name in headers} == {"host", "content-type", "content-length", "authorization"}
    assert front.key not in headers["Authorization"]


def test_old_http_is_answered(front: Served) -> None:
    head = f"GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {front.key}\r\n\r\n"
    assert parted(front.raw(head.encode()))[0] == 200
    front.engine.seen.clear()
