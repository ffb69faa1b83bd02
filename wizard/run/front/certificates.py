"""Certificates: one's own, looked at before it is used, or a self-signed one made by the openssl program."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from wizard.contract import Exposure
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home
from wizard.run.front.wishes import EVERY, PLAIN, SELF_SIGNED

DAYS = 365
FRESH = 30 * 86_400  # seconds that a self-signed one must still be good for to be used again
ODD = re.compile(r"[$\"\\\x00-\x1f]")  # what nginx would read as something else in a path


def with_certificate(exposure: Exposure, wanted: str, home: Home) -> Exposure:
    """`wanted`: self-signed (the default), off, or CERT,KEY. Raises WizardError certificate-*."""
    if wanted == PLAIN:
        return exposure
    if wanted in ("", SELF_SIGNED):
        certificate, key = self_signed(exposure, home)
        return replace(exposure, certificate=str(certificate), certificate_key=str(key), self_signed=True)
    first, comma, second = wanted.partition(",")
    if not comma or not first.strip() or not second.strip():
        raise WizardError("certificate-odd", found=wanted)
    certificate, key = (Path(part.strip()).expanduser().absolute() for part in (first, second))
    check(certificate, key)
    return replace(exposure, certificate=str(certificate), certificate_key=str(key))


def check(certificate: Path, key: Path) -> None:
    """Raises WizardError certificate-unreadable, certificate-locked, certificate-mismatch, certificate-expired."""
    for path in (certificate, key):
        if ODD.search(str(path)):
            raise WizardError("certificate-path-odd", path=str(path))
        try:
            path.read_bytes()
        except OSError as error:
            raise WizardError("certificate-unreadable", path=str(path), error=error.strerror or str(error)) from error

    def locked() -> str:
        raise WizardError("certificate-locked", path=str(key))

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=locked)
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            raise WizardError("certificate-mismatch", certificate=str(certificate), key=str(key)) from error
        told = (error.reason or str(error)).replace("_", " ").lower()
        raise WizardError("certificate-unreadable", path=str(certificate), error=told) from error
    ends = expires(certificate)
    if ends <= time.time():
        raise WizardError("certificate-expired", path=str(certificate), day=_day(ends))


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def expires(certificate: Path) -> float:
    """Seconds since 1970."""
    return float(ssl.cert_time_to_seconds(_asked(certificate, "-enddate").partition("=")[2]))


def fingerprint(certificate: Path) -> str:
    return _asked(certificate, "-fingerprint", "-sha256").partition("=")[2]


def _asked(certificate: Path, *what: str) -> str:
    return _openssl("x509", "-in", str(certificate), "-noout", *what).strip()


def self_signed(exposure: Exposure, home: Home) -> tuple[Path, Path]:
    """The one that is there while it is good and names this address: clients may have learnt to trust it."""
    certificate, key = home.secrets / "front.crt", home.secrets / "front.key"
    names = _names(exposure)
    if certificate.exists() and key.exists() and _good(certificate, names):
        return certificate, key
    home.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.secrets) as folder:
        made, made_key = Path(folder, "crt"), Path(folder, "key")
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"),
            *("-days", str(DAYS), "-subj", "/CN=yichuidingyin", "-addext", f"subjectAltName={','.join(names)}"),
            *("-keyout", str(made_key), "-out", str(made)),
        )
        made_key.chmod(0o600)
        os.replace(made_key, key)
        os.replace(made, certificate)
    return certificate, key


def _names(exposure: Exposure) -> list[str]:
    """What clients may call this machine. An address that is none of ours is for one's own certificate."""
    host = socket.gethostname()
    named = [f"DNS:{host}"] if re.fullmatch(r"[A-Za-z0-9.-]{1,64}", host) and host != "localhost" else []
    addresses = ["127.0.0.1", "::1", *([exposure.host] if exposure.host not in EVERY else outward())]
    return ["DNS:localhost", *named, *(f"IP:{each}" for each in dict.fromkeys(addresses))]


def outward() -> list[str]:
    """This machine's address towards others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return [probe.getsockname()[0]]
        except OSError:
            return []


def _good(certificate: Path, names: list[str]) -> bool:
    told = _asked(certificate, "-ext", "subjectAltName")
    spelt = {name.replace("IP:::1", "IP:0:0:0:0:0:0:0:1").replace("IP:", "IP Address:") for name in names}
    return expires(certificate) > time.time() + FRESH and all(name in told for name in spelt)


def _openssl(*arguments: str) -> str:
    program = shutil.which("openssl")
    if not program:
        raise WizardError("openssl-missing", exit_code=ExitCode.FAILED)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, umask=0o077)
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["?"])[-1]
        raise WizardError("openssl-failed", exit_code=ExitCode.FAILED, error=told)
    return done.stdout
