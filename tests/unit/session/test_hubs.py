from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from wizard import detect
from wizard.session import hubs


class Refuses(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_addresses_are_those_that_a_download_uses() -> None:
    assert hubs.addresses({}) == {"modelscope": "https://www.modelscope.cn", "huggingface": "https://huggingface.co"}
    told = {"HF_ENDPOINT": "https://mirror.test/hub", "MODELSCOPE_DOMAIN": "hub.test"}
    assert hubs.addresses(told) == {"modelscope": "https://hub.test", "huggingface": "https://mirror.test/hub"}


def test_an_unfriendly_answer_is_an_answer_and_silence_is_none(hub: str) -> None:
    found = hubs.reached({"HF_ENDPOINT": hub, "MODELSCOPE_ENDPOINT": "http://127.0.0.1:1"}, 20)
    assert found["modelscope"] is None
    assert found["huggingface"] is not None


def test_a_password_in_an_address_is_neither_sent_nor_told(hub: str) -> None:
    secret = hub.replace("//", "//me:secret@")
    assert hubs.addresses({"HF_ENDPOINT": secret})["huggingface"] == hub
    found = hubs.reached({"HF_ENDPOINT": secret, "MODELSCOPE_ENDPOINT": secret}, 20)
    assert set(found) == {"modelscope", "huggingface"}
    assert None not in found.values()


def test_nobody_is_asked_where_downloads_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "reach", lambda *_: pytest.fail("asked"))
    assert hubs.reached({"HF_HUB_OFFLINE": "1"}) == {}
