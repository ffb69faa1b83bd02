"""`expose` and `keys` as they are typed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from guarded import RUN, Served

from wizard import words
from wizard.cli import main


@pytest.fixture(autouse=True)
def english() -> None:
    words.use("en")


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_the_first_opening_makes_a_key_and_shows_it_once(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--listen", f"127.0.0.1:{served.port}", "--tls", "off", "--yes")
    first = said(capsys, "expose", RUN, *where)
    assert (first["status"], first["listen"], first["keys"]) == ("open", f"127.0.0.1:{served.port}", ["first"])
    (made,) = first["made"]
    assert served.ask(key=made["key"])[0] == 200
    again = said(capsys, "expose", RUN, *where)
    assert again["made"] == [] and made["key"] not in json.dumps(again)
    assert made["key"] not in json.dumps(said(capsys, "expose", "--status"))
    assert said(capsys, "expose", "--off") == {"run": RUN, "closed": True}
    assert said(capsys, "expose", "--status") == []


def test_keys_are_made_listed_and_ended(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    made = said(capsys, "keys", "add", "alice")
    assert made["name"] == "alice" and made["key"].startswith("sk-")
    assert [key["name"] for key in said(capsys, "keys")] == ["alice"]
    assert said(capsys, "keys", "revoke", "alcie", code=2)["problem"]["params"]["nearest"] == "alice"
    assert said(capsys, "keys", "revoke", "alice") == {"revoked": "alice"}
    assert said(capsys, "keys", "list") == []
    assert said(capsys, "keys", "add", code=2)["problem"]["code"] == "usage-lacks"
    assert said(capsys, "keys", "ad", code=2)["problem"]["params"]["nearest"] == "add"


def test_a_person_reads_who_may_ask_what_is_risky_and_how_to_close(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    where = (
        "--listen",
        f"0.0.0.0:{served.port}",
        "--allow",
        "all",
        "--tls",
        "off",
        "--rate",
        "30/m",
        "--max-body",
        "8",
    )
    assert main(["expose", *where]) == 0
    told = capsys.readouterr()
    for text in (
        RUN,
        "everybody who has a key",
        "30 requests a minute",
        "8 MB",
        "is open to every address",
        "has no TLS",
    ):
        assert text in told.out
    assert "shown this once" in told.err and f"expose {RUN} --off" in told.err
    assert main(["--lang", "zh", "expose", "--status"]) == 0
    assert "任何持有密钥的人" in capsys.readouterr().out


def test_flags_have_twins_in_the_environment(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"LISTEN": f"127.0.0.1:{served.port}", "ALLOW": "10.0.0.0/8 127.0.0.1", "TLS": "off", "MAX_BODY": "8"}
    for name, value in given.items():
        monkeypatch.setenv(f"YCDY_{name}", value)
    told = said(capsys, "expose", RUN)
    assert (told["allow"], told["tls"], told["max_body_mb"]) == (["10.0.0.0/8", "127.0.0.1/32"], None, 8)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--listen", "nowhere"), "front-listen-odd"),
        (("--allow", "10.0.0.1/8"), "front-network-odd"),
        (("--rate", "fast"), "front-rate-odd"),
        (("--max-body", "0"), "front-body-odd"),
        (("--tls", "cert.pem"), "certificate-odd"),
    ],
)
def test_what_cannot_be_is_a_problem_and_opens_nothing(
    served: Served, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], code: str
) -> None:
    assert said(capsys, "expose", RUN, *flags, code=2)["problem"]["code"] == code
    assert served.fronts.standing(RUN).status == "off"
    assert served.fronts.known_keys() == ()


def test_a_missing_nginx_is_installed_when_it_is_said(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a package manager that knows the system's own nginx."""
    tools, listen = tmp_path / "tools", f"127.0.0.1:{served.port}"
    tools.mkdir()
    real = os.popen("PATH=$PATH:/usr/sbin command -v nginx").read().strip()
    script = tools / "apt-get"
    script.write_text(f'#!/bin/sh\necho "$*" >> {tools}/asked\n/bin/ln -sf {real} {tools}/nginx\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr("wizard.run.front.nginx.PLACES", ())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    refused = said(capsys, "expose", RUN, "--listen", listen, "--tls", "off", code=1)["problem"]
    assert refused["code"] == "nginx-missing" and "apt-get install" in refused["next"]
    assert said(capsys, "expose", RUN, "--listen", listen, "--tls", "off", "--yes")["status"] == "open"
    assert (tools / "asked").read_text() == "install -y --no-install-recommends nginx-light\n"


def test_an_install_that_fails_leaves_the_model_local(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dnf").write_text("#!/bin/sh\necho 'Error: no network' >&2\nexit 1\n")
    (tmp_path / "dnf").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("wizard.run.front.nginx.PLACES", ())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    problem = said(capsys, "expose", RUN, "--tls", "off", "--yes", code=1)["problem"]
    assert (problem["code"], problem["params"]["error"]) == ("nginx-not-installed", "Error: no network")
    assert served.fronts.standing(RUN).status == "off"
