"""Fronts that open without nginx: what is asked is remembered, and the one key is always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wizard.contract import AccessKey, Exposure, Front, Problem
from wizard.run.front import warnings
from wizard.run.front.wishes import asked
from wizard.session.fronts import Fronts

KEY = "sk-canned-front-key-0123456789abcdefghijklmnop"
SECRETS = "/home/you/.local/share/yichuidingyin/secrets"
PRINT = ":".join(["A1B2"[place % 2 * 2 : place % 2 * 2 + 2] for place in range(32)])


class FakeFronts:
    FIRST_KEY = Fronts.FIRST_KEY

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note
        self._names: list[str] = []
        self._open: Exposure | None = None
        self.command = ""

    def known_keys(self) -> tuple[AccessKey, ...]:
        return tuple(AccessKey(name=name, made=1.0) for name in self._names)

    def add_key(self, name: str) -> str:
        self._note("add_key", name)
        self._names.append(name)
        return KEY

    def installer(self) -> str:
        return self.command

    def install(self) -> Path:
        self._note("install")
        self.command = ""
        return Path("/usr/sbin/nginx")

    def asked(self, run: str, *, listen: str = "", allow: Sequence[str] = (), tls: str = "", **_: Any) -> Exposure:
        self._note("asked", listen, tuple(allow), tls)
        exposure = asked(listen=listen, allow=allow)
        if tls == "off":
            return exposure
        given = {name: getattr(exposure, name) for name in ("host", "port", "allow")}
        return Exposure(
            certificate=f"{SECRETS}/front.crt", certificate_key=f"{SECRETS}/front.key", self_signed=True, **given
        )

    def open(self, run: str, exposure: Exposure) -> Front:
        self._note("open_front", run)
        self._open = exposure
        return self.standing(run)

    def close(self, run: str) -> bool:
        self._note("close_front", run)
        self._open = None
        return True

    def standing(self, run: str) -> Front:
        if not self._open:
            return Front(run=run, status="off")
        secret = bool(self._open.certificate)
        told: tuple[Problem, ...] = tuple(warnings(self._open))
        return Front(
            run=run,
            status="open",
            exposure=self._open,
            url=self._open.url.replace("127.0.0.1", "192.168.1.20"),
            expires=1_900_000_000.0 if secret else 0.0,
            fingerprint=PRINT if secret else "",
            warnings=told,
        )
