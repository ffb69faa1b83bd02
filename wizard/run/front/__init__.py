"""The front of a served run: nginx before the engine, with keys, an allow-list, TLS and limits of its own."""

from wizard.run.front import access, nginx
from wizard.run.front.certificates import with_certificate
from wizard.run.front.doors import close_front, open_front, standing
from wizard.run.front.keeper import keep
from wizard.run.front.wishes import asked, on_loopback, refuse_taken, warnings

__all__ = [
    "access",
    "asked",
    "close_front",
    "keep",
    "nginx",
    "on_loopback",
    "open_front",
    "refuse_taken",
    "standing",
    "warnings",
    "with_certificate",
]
