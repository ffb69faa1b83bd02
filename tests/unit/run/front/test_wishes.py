"""What is asked of a front, read or refused; certificates among it."""

from __future__ import annotations

import os
import ssl
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wizard.contract import PRIVATE_NETWORKS, Exposure
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.run.front import asked, certificates, with_certificate
from wizard.run.front.config import rendered

EXPOSURE = Exposure(host="127.0.0.1", port=8443, allow=())


def problem(work: Any, *given: Any, **named: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(WizardError) as told:
        work(*given, **named)
    return told.value.problem.code, dict(told.value.problem.params)


def test_without_a_word_it_is_private_networks_at_all_addresses() -> None:
    assert asked() == Exposure(host="0.0.0.0", port=8443, allow=PRIVATE_NETWORKS, rate=50, per="s", max_body_mb=32)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::]:8443", ("::", 8443)),
        ("9000", ("0.0.0.0", 9000)),
        (" 10.0.0.1:1 ", ("10.0.0.1", 1)),
    ],
)
def test_an_address_is_read(text: str, found: tuple[str, int]) -> None:
    exposure = asked(listen=text)
    assert (exposure.host, exposure.port) == found


@pytest.mark.parametrize(
    "text",
    [
        "host:80",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "::1:80",
        "[127.0.0.1]:80",
        "1.2.3:4",
        ":80",
        "a",
        "127.0.0.1:80;",
    ],
)
def test_an_address_that_cannot_be_listened_at_is_refused(text: str) -> None:
    assert problem(asked, listen=text)[0] == "front-listen-odd"


def test_networks_are_read_with_words_for_what_people_mean() -> None:
    assert asked(allow=["10.0.0.0/8", "203.0.113.7"]).allow == ("10.0.0.0/8", "203.0.113.7/32")
    assert asked(allow=["10.0.0.0/8, fd00::/8 10.0.0.0/8"]).allow == ("10.0.0.0/8", "fd00::/8")
    assert asked(allow=["private", "203.0.113.7"]).allow == (*PRIVATE_NETWORKS, "203.0.113.7/32")
    assert asked(allow=["all"]).allow == asked(allow=["0.0.0.0/0"]).allow == asked(allow=["::/0"]).allow == ()


def test_a_network_that_is_none_is_refused_and_the_near_one_told() -> None:
    assert problem(asked, allow=["10.0.0.1/8"]) == (
        "front-network-odd",
        {"found": "10.0.0.1/8", "nearest": "10.0.0.0/8"},
    )
    for odd in ("10.0.0.0/33", "10.0.0", "0 1;", "default", "1.2.3.4;}", "localhost"):
        assert problem(asked, allow=[odd])[0] == "front-network-odd"


def test_limits_are_read_or_refused() -> None:
    assert (asked(rate="20/s").rate, asked(rate="90/m").per, asked(rate="7").per) == (20, "m", "s")
    for odd in ("0/s", "-1/s", "1/h", "x", "1.5/s", "1000000/s"):
        assert problem(asked, rate=odd)[0] == "front-rate-odd"
    for size in (0, -1, 4096):
        assert problem(asked, max_body_mb=size)[0] == "front-body-odd"


def test_the_configuration_is_the_same_for_the_same_and_holds_no_key() -> None:
    text = rendered(EXPOSURE, "127.0.0.1:8000")
    assert text == rendered(EXPOSURE, "127.0.0.1:8000")
    assert "Bearer" not in text.replace('WWW-Authenticate "Bearer"', "").replace("Authorization: Bearer KEY", "")
    assert "@" not in text.replace("@4", "").replace("@5", "")
    assert rendered(EXPOSURE, "") != text and "proxy_pass http://engine" not in rendered(EXPOSURE, "")


def made(folder: Path, name: str, *more: str, days: int = 90, bits: str = "ec") -> tuple[Path, Path]:
    """A certificate and its key, as somebody would bring them."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    asking = [
        "openssl",
        "req",
        "-x509",
        *kind,
        "-subj",
        "/CN=x",
        "-days",
        str(days),
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run([*asking, *(more or ("-nodes",))], check=True, capture_output=True)
    return certificate, key


def test_ones_own_certificate_is_taken_as_it_is(tmp_path: Path) -> None:
    certificate, key = made(tmp_path, "own 一")
    found = with_certificate(EXPOSURE, f"{certificate}, {key}", Home(tmp_path, tmp_path))
    assert (found.certificate, found.certificate_key, found.self_signed) == (str(certificate), str(key), False)
    assert 80 * 86_400 < certificates.expires(certificate) - time.time() < 91 * 86_400


def test_a_certificate_that_cannot_serve_is_told_before_nginx_would(tmp_path: Path) -> None:
    certificate, key = made(tmp_path, "one")
    _, other = made(tmp_path, "two")
    _, locked = made(tmp_path, "locked", "-passout", "pass:secret")
    home = Home(tmp_path, tmp_path)
    (tmp_path / "text.pem").write_text("no certificate")

    def code(wanted: str) -> str:
        return problem(with_certificate, EXPOSURE, wanted, home)[0]

    assert code(f"{certificate},{other}") == "certificate-mismatch"
    assert code(f"{tmp_path}/gone.pem,{key}") == code(f"{tmp_path}/text.pem,{key}") == "certificate-unreadable"
    assert code(f"{tmp_path / 'locked.pem'},{locked}") == "certificate-locked"
    assert code(f"{certificate}") == code("yes") == code(",") == "certificate-odd"
    assert code(f"{tmp_path}/a$b.pem,{key}") == "certificate-path-odd"
    assert code(f"{tmp_path},{key}") == "certificate-unreadable"


def test_an_expired_certificate_is_refused_with_its_day(tmp_path: Path) -> None:
    certificate, key = made(tmp_path, "one", days=1)
    ends = certificates.expires(certificate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wizard.run.front.certificates.time.time", lambda: ends + 1)
        code, params = problem(with_certificate, EXPOSURE, f"{certificate},{key}", Home(tmp_path, tmp_path))
    assert (code, params["day"]) == ("certificate-expired", time.strftime("%Y-%m-%d", time.gmtime(ends)))


def test_a_self_signed_one_is_kept_while_it_is_good_and_names_the_address(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path)
    first = with_certificate(EXPOSURE, "self-signed", home)
    text = Path(first.certificate).read_bytes()
    assert first.self_signed and Path(with_certificate(EXPOSURE, "", home).certificate).read_bytes() == text
    assert Path(with_certificate(replace(EXPOSURE, host="10.1.2.3"), "", home).certificate).read_bytes() != text
    assert (
        "IP Address:10.1.2.3"
        in subprocess.run(
            ["openssl", "x509", "-noout", "-text", "-in", first.certificate], capture_output=True, text=True
        ).stdout
    )
    assert os.stat(first.certificate_key).st_mode & 0o777 == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(first.certificate, first.certificate_key)


def test_without_openssl_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert problem(with_certificate, EXPOSURE, "", Home(tmp_path, tmp_path))[0] == "openssl-missing"
    assert with_certificate(EXPOSURE, "off", Home(tmp_path, tmp_path)).certificate == ""
