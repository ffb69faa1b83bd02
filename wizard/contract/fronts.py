"""How a served run is opened beyond loopback, and how that stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wizard.contract.problem import Problem

PRIVATE_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
FrontState = Literal["off", "starting", "open", "waiting", "failed"]  # waiting: for the engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """All of it resolved: what the front is configured from."""

    host: str
    port: int
    allow: tuple[str, ...]  # networks; empty is everybody
    certificate: str = ""  # PEM files; without one it is plain HTTP
    certificate_key: str = ""
    self_signed: bool = False
    rate: int = 50  # requests of one address ...
    per: Literal["s", "m"] = "s"  # ... a second or a minute
    max_body_mb: int = 32

    @property
    def url(self) -> str:
        """As this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"{'https' if self.certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Of one run, as it stands now."""

    run: str
    status: FrontState
    exposure: Exposure | None = None
    url: str = ""  # for others, as far as this machine knows its address
    expires: float = 0.0  # the certificate: seconds since 1970
    fingerprint: str = ""  # SHA-256 of it, as browsers and openssl spell it
    restarts: int = 0
    problem: Problem | None = None
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """One that opens the front; the key itself is known to its owner alone."""

    name: str
    made: float
