"""What a person asks of a front, as flags and fields spell it, made into an Exposure or into the Problem with it."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from typing import Literal

from wizard.contract import PRIVATE_NETWORKS, Exposure, Problem
from wizard.errors import ExitCode, WizardError

LISTEN = "0.0.0.0:8443"
PRIVATE_WORD, ALL_WORD = "private", "all"
SELF_SIGNED, PLAIN = "self-signed", "off"
RATE, BODY_MB = "50/s", 32
MOST_RATE, MOST_BODY_MB = 100_000, 2048
EVERY = ("0.0.0.0", "::")


def asked(*, listen: str = "", allow: Sequence[str] = (), rate: str = "", max_body_mb: int | None = None) -> Exposure:
    """Without its certificate. Empty is the default. Raises WizardError front-listen-odd, front-network-odd,
    front-rate-odd, front-body-odd."""
    host, port = address(listen or LISTEN)
    number, per = _rate(rate or RATE)
    body = BODY_MB if max_body_mb is None else max_body_mb
    if not 1 <= body <= MOST_BODY_MB:
        raise WizardError("front-body-odd", found=body, most=MOST_BODY_MB)
    return Exposure(host=host, port=port, allow=networks(allow), rate=number, per=per, max_body_mb=body)


def address(text: str) -> tuple[str, int]:
    """Of `0.0.0.0:8443`, `[::]:8443` or `8443`."""
    host, colon, port = text.strip().rpartition(":")
    host = host if colon else LISTEN.rpartition(":")[0]
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        told, number = ipaddress.ip_address(bare), int(port)
    except ValueError:
        raise WizardError("front-listen-odd", found=text) from None
    if not 1 <= number <= 65535 or (told.version == 6) != host.startswith("["):
        raise WizardError("front-listen-odd", found=text)
    return str(told), number


def networks(words: Sequence[str]) -> tuple[str, ...]:
    """Those who may ask; none stands for everybody. `private` and `all` are words for what people mean."""
    split = [part for word in words for part in re.split(r"[\s,]+", word) if part] or [PRIVATE_WORD]
    if ALL_WORD in split:
        return ()
    found = [network for word in split for network in (PRIVATE_NETWORKS if word == PRIVATE_WORD else (_network(word),))]
    everybody = any(ipaddress.ip_network(network).prefixlen == 0 for network in found)
    return () if everybody else tuple(dict.fromkeys(found))


def _network(word: str) -> str:
    try:
        return str(ipaddress.ip_network(word))
    except ValueError:
        pass
    try:
        meant = str(ipaddress.ip_network(word, strict=False))
    except ValueError:
        meant = ""
    raise WizardError("front-network-odd", found=word, nearest=meant)


def _rate(text: str) -> tuple[int, Literal["s", "m"]]:
    found = re.fullmatch(r"(\d{1,6})(?:/([sm]))?", text.strip().replace(" ", ""))
    if not found or not 1 <= int(found[1]) <= MOST_RATE:
        raise WizardError("front-rate-odd", found=text, most=MOST_RATE)
    return int(found[1]), "m" if found[2] == "m" else "s"


def on_loopback(exposure: Exposure) -> bool:
    return ipaddress.ip_address(exposure.host).is_loopback


def warnings(exposure: Exposure) -> Iterator[Problem]:
    """What is allowed when it is asked for, and said all the same."""
    if on_loopback(exposure):
        return
    if not exposure.allow:
        yield Problem(code="front-open-to-all", params={"url": exposure.url})
    if not exposure.certificate:
        yield Problem(code="front-plain", params={"url": exposure.url})
    if exposure.self_signed:
        yield Problem(code="front-self-signed", params={"path": exposure.certificate})


def refuse_taken(exposure: Exposure) -> None:
    """Raises WizardError front-port-taken, front-port-refused, front-address-unknown."""
    family = socket.AF_INET6 if ":" in exposure.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((exposure.host, exposure.port))
        except PermissionError as error:
            raise _refused("front-port-refused", exposure) from error
        except OSError as error:
            code = "front-port-taken" if error.errno == 98 else "front-address-unknown"
            raise _refused(code, exposure) from error


def _refused(code: str, exposure: Exposure) -> WizardError:
    return WizardError(code, exit_code=ExitCode.FAILED, port=exposure.port, host=exposure.host)
