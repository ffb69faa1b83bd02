"""One question to a server on the web: over http or https, into no private network, and never without an end."""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from errno import ELOOP
from typing import Any
from urllib.parse import quote, urljoin

AGENT = {"User-Agent": "yichuidingyin", "Accept": "image/*,*/*;q=0.5"}
MOVED = (301, 302, 303, 307, 308)
REDIRECTS = 5
SAFE = "%/:=&?~#+!$,;'@()*[]"


class Private(OSError):
    """The other end is in a private network."""


class Scheme(OSError):
    """Neither http nor https."""


class Watch:
    """Ends the connections of one fetch when its time is over: a server may send a byte at a time for ever."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until

    def _end(self) -> None:
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def answer_of(url: str, watch: Watch, private: bool) -> Any:
    """Behind redirects, each looked at before it is followed; the body of none is read."""
    opener = _opener(watch, private)
    for _ in range(REDIRECTS):
        if not url.lower().startswith(("http://", "https://")):
            raise Scheme
        try:
            return opener.open(urllib.request.Request(quote(url, safe=SAFE), headers=AGENT))
        except urllib.error.HTTPError as error:
            onward = error.headers.get("Location")
            if error.code not in MOVED or not onward:
                raise
            error.close()
            url = urljoin(url, onward)
    raise OSError(ELOOP, os.strerror(ELOOP))


def _opener(watch: Watch, private: bool) -> urllib.request.OpenerDirector:
    """http and https alone."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(watch, private),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Http(urllib.request.AbstractHTTPHandler):
    def __init__(self, watch: Watch, private: bool) -> None:
        super().__init__()
        self.watch, self.private = watch, private

    def http_open(self, request: urllib.request.Request) -> Any:
        return self._open(request, _Plain)

    def https_open(self, request: urllib.request.Request) -> Any:
        return self._open(request, _Secure, context=ssl.create_default_context())

    def _open(self, request: urllib.request.Request, kind: Any, **more: Any) -> Any:
        proxied = bool(request.has_proxy() or getattr(request, "_tunnel_host", None))

        def connection(host: str, **settings: Any) -> Any:
            made = kind(host, **settings)
            made.watch, made.anywhere = self.watch, self.private or proxied
            return made

        request.timeout = max(0.1, self.watch.until - time.monotonic())
        return self.do_open(connection, request, **more)

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_


class _Guarded:
    """A connection that asks nothing of a machine in a private network. What a proxy reaches is its own affair."""

    watch: Watch
    anywhere: bool
    host: str
    port: int
    sock: socket.socket

    def connect(self) -> None:
        if not self.anywhere:
            for found in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
                _check(str(found[4][0]))
        super().connect()  # type: ignore[misc]
        self.watch.sockets.append(self.sock)
        if not self.anywhere:
            _check(str(self.sock.getpeername()[0]))  # a name may have got another address meanwhile


class _Plain(_Guarded, http.client.HTTPConnection):
    pass


class _Secure(_Guarded, http.client.HTTPSConnection):
    pass


def _check(address: str) -> None:
    if not ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise Private
