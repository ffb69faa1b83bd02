"""An open front put into words. Pure, and without the screen's library: plain lines say the same."""

from __future__ import annotations

import time
from collections.abc import Iterator

from wizard.contract import PRIVATE_NETWORKS, Exposure, Front
from wizard.words import say


def headline(front: Front) -> str:
    if front.status == "off":
        return say("front.not_open", run=front.run)
    state = {"open": "opened"}.get(front.status, front.status)
    return say(f"front.{state}", run=front.run, url=front.url)


def facts(front: Front) -> Iterator[tuple[str, str]]:
    exposure = front.exposure
    if exposure:
        yield say("front.allowed"), allowed(exposure)
        yield say("front.tls"), tls(front, exposure)
        if front.fingerprint:
            yield say("front.fingerprint"), front.fingerprint
        per = say(f"front.per.{exposure.per}")
        yield say("front.limits"), say("front.limits_told", rate=exposure.rate, per=per, body=exposure.max_body_mb)


def allowed(exposure: Exposure) -> str:
    if exposure.allow == PRIVATE_NETWORKS:
        return say("front.private")
    return ", ".join(exposure.allow) or say("front.everybody")


def tls(front: Front, exposure: Exposure) -> str:
    if not exposure.certificate:
        return say("front.plain")
    key = "front.self_signed" if exposure.self_signed else "front.own"
    return say(key, path=exposure.certificate, day=day(front.expires))


def day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds)) if seconds else "-"
