"""An open front: in which order it refuses, what it lets through, and how it lives and ends."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import time
from pathlib import Path

import pytest
from guarded import CHUNK_SECONDS, RUN, Engine, Served, descendants, parted, until

from wizard.contract import Front
from wizard.errors import WizardError
from wizard.journal import read_json
from wizard.run import api_key
from wizard.run.processes import alive, look
from wizard.session import Desk

QUESTION = b'{"model": "tiny", "stream": true}'


def code(answer: tuple[int, bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[1])["error"]["code"]


def nginx_of(served: Served) -> int:
    return int(read_json(served.path / "state.json")["nginx"])


def test_a_key_opens_it_and_no_key_or_a_wrong_one_does_not(served: Served) -> None:
    key = served.fronts.add_key("alice")
    assert served.open().status == "open"
    assert code(served.ask()) == (401, "invalid_api_key")
    assert code(served.ask(key=key + "x")) == (401, "invalid_api_key")
    assert code(served.ask(key=api_key(served.home, RUN))) == (401, "invalid_api_key")  # the engine's own
    assert served.ask(key=key)[0] == 200
    assert served.ask("/health")[0] == 200
    assert [seen[1] for seen in served.engine.seen] == ["/v1/models", "/health"]
    assert b"alice" in (served.path / "access.log").read_bytes()


def test_the_openai_client_talks_through_it(served: Served) -> None:
    import openai

    key = served.fronts.add_key("alice")
    served.open(rate="2/m")
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{served.port}/v1", api_key=key, max_retries=0)
    assert client.models.list().data[0].id == "tiny"
    with pytest.raises(openai.AuthenticationError, match="Missing or wrong key"):
        client.with_options(api_key="sk-wrong").models.list()
    client.models.list()
    with pytest.raises(openai.RateLimitError, match="Too many requests"):
        client.models.list()


def test_a_revoked_key_opens_nothing_from_the_next_request_on(served: Served) -> None:
    alice, bob = served.fronts.add_key("alice"), served.fronts.add_key("bob")
    served.open()
    assert served.ask(key=alice)[0] == served.ask(key=bob)[0] == 200
    served.fronts.revoke_key("alice")
    assert served.ask(key=alice)[0] == 401
    assert served.ask(key=bob)[0] == 200
    carol = served.fronts.add_key("carol")
    assert served.ask(key=carol)[0] == 200
    (served.home.secrets / "access.json").write_text("{")
    assert served.ask(key=carol)[0] == 401


def test_a_foreign_address_is_refused_before_all_else(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open(allow=["203.0.113.0/24"], rate="1/m", max_body_mb=1)
    for _ in range(3):
        assert code(served.ask(key=key)) == (403, "address_not_allowed")
    assert code(served.ask("/metrics")) == code(served.ask("/health")) == (403, "address_not_allowed")
    assert code(served.ask("/v1/completions", key, "POST", more="Content-Length: 5000000"))[0] == 403
    assert parted(served.raw(b"\x16\x03\r\n\r\n"))[0] in (400, 403)
    assert served.engine.seen == []


def test_a_flood_is_refused_whether_its_keys_are_right_or_wrong(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open(rate="3/m")
    assert [served.ask(key="sk-guess")[0] for _ in range(6)] == [401, 401, 401, 401, 429, 429]
    assert code(served.ask(key=key)) == (429, "rate_limit_exceeded")
    assert served.ask("/metrics")[0] == 429
    assert served.engine.seen == []


def test_a_slow_body_is_cut_off_and_the_engine_hears_nothing_of_it(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open()
    config = served.path / "nginx.conf"
    config.write_text(config.read_text().replace("_timeout 15s", "_timeout 1s"))
    os.kill(nginx_of(served), signal.SIGHUP)
    time.sleep(0.5)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n"
    began = time.monotonic()
    assert served.raw(head.encode(), b"{", pause=0.2) == b""
    assert served.raw(head.encode()[:60]) == b""  # nor is a head waited for
    assert time.monotonic() - began < 6
    assert b" 408 " in (served.path / "access.log").read_bytes()
    assert served.engine.seen == []


def test_a_stream_is_passed_on_piece_by_piece(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open()
    head = (
        f"POST /v1/chat/completions HTTP/1.0\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(QUESTION)}\r\n\r\n"
    )
    arrived: list[float] = []
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(head.encode() + QUESTION)
        while piece := line.recv(65536):
            arrived += [time.monotonic()] * piece.count(b"data:")
    assert len(arrived) == 5
    assert all(later - earlier > CHUNK_SECONDS / 2 for earlier, later in itertools.pairwise(arrived))


def test_the_engine_away_is_told_as_503_and_followed_when_it_is_back_elsewhere(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open()
    served.engine.end()
    assert code(served.ask(key=key)) == (503, "engine_unavailable")
    assert served.ask()[0] == 401
    served.says("stage-started", stage="serve", attempt=2, rung=0)  # the supervisor starts it once more
    until(lambda: served.fronts.standing(RUN).status == "waiting")
    assert code(served.ask(key=key)) == (503, "engine_unavailable")
    assert served.ask()[0] == 401
    served.engine = Engine()
    served.ready(served.engine.port)
    until(lambda: served.fronts.standing(RUN).status == "open")
    until(lambda: served.ask(key=key)[0] == 200)


def test_a_killed_nginx_is_back_by_itself(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open()
    first = nginx_of(served)
    os.kill(first, signal.SIGKILL)
    until(lambda: nginx_of(served) not in (0, first) and served.fronts.standing(RUN).status == "open")
    assert served.ask(key=key)[0] == 200
    assert served.fronts.standing(RUN).restarts == 1


def test_with_its_keeper_killed_nothing_stays_open(served: Served) -> None:
    served.fronts.add_key("alice")
    served.open()
    keeper = next(pid for pid in descendants(served.folder) if b"wizard" in Path(f"/proc/{pid}/cmdline").read_bytes())
    others = [each for pid in descendants(served.folder) if pid != keeper and (each := look(pid))]
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not any(alive(each.pid, each.started) for each in others))
    with pytest.raises(ConnectionRefusedError):
        served.ask()
    assert served.fronts.standing(RUN).status == "off"
    assert served.open().status == "open"


def test_it_ends_with_the_run(served: Served) -> None:
    served.fronts.add_key("alice")
    served.open()
    pid = nginx_of(served)
    started = look(pid)
    assert started
    served.says("run-ended", status="stopped")
    until(lambda: not alive(pid, started.started) and served.fronts.standing(RUN).status == "off")
    with pytest.raises(ConnectionRefusedError):
        served.ask()
    assert not (served.path / "engine.conf").exists()


def test_it_is_changed_while_it_is_open_and_closed_when_asked(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open()
    pid = nginx_of(served)
    served.open(allow=["203.0.113.7"])
    until(lambda: served.ask(key=key)[0] == 403)
    assert nginx_of(served) == pid
    before, served.port = served.port, served.port + 1
    served.open()
    assert served.ask(key=key)[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", before))
    assert served.fronts.close(RUN)
    assert not served.fronts.close(RUN)
    with pytest.raises(ConnectionRefusedError):
        served.ask()


def test_tls_of_ones_own_making_is_verified_by_its_file(served: Served) -> None:
    key = served.fronts.add_key("alice")
    front = served.open(tls="self-signed")
    assert front.exposure and front.exposure.self_signed and front.expires > time.time() + 300 * 86_400
    trusting = ssl.create_default_context(cafile=front.exposure.certificate)
    for name in ("localhost", "127.0.0.1"):
        with (
            socket.create_connection(("127.0.0.1", served.port)) as line,
            trusting.wrap_socket(line, server_hostname=name) as secret,
        ):
            secret.sendall(f"GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
            assert b" 200 " in secret.recv(100)
            assert secret.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection(("127.0.0.1", served.port)) as line:
        ssl.create_default_context().wrap_socket(line, server_hostname="localhost")
    assert code(served.ask(key=key)) == (400, "bad_request")  # plain words to a port that speaks TLS
    assert stat.S_IMODE(os.stat(front.exposure.certificate_key).st_mode) == 0o600


def test_no_key_is_in_a_command_line_an_environment_a_log_or_an_export(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    key, engine = served.fronts.add_key("alice"), api_key(served.home, RUN)
    served.open(tls="self-signed")
    pids = descendants(served.folder)
    assert len(pids) >= 4  # the keeper, nginx, its two workers
    for pid in pids:
        shown = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        assert key.encode() not in shown and engine.encode() not in shown
    files = [path for path in served.home.root.rglob("*") if path.is_file()]
    assert [path for path in files if key.encode() in path.read_bytes()] == []
    holding = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files if engine.encode() in path.read_bytes()}
    assert holding == {f"{RUN}.key": 0o600, "engine.conf": 0o600}
    assert key not in Desk(served.home).export(RUN)
    assert key not in "".join(capfd.readouterr())


def test_everything_nginx_writes_lies_in_the_run(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open()
    served.ask("/v1/completions", key, "POST", b"x" * 3_000_000)
    (nginx,) = [pid for pid in descendants(served.folder) if pid == nginx_of(served)]
    links = [os.readlink(path) for path in Path(f"/proc/{nginx}/fd").iterdir()]
    written = [link for link in links if link.startswith("/") and not link.startswith(("/dev/", "/proc/"))]
    assert [link for link in written if not link.startswith(str(served.path))] == []
    assert served.engine.seen[0][3] == b"x" * 3_000_000
    assert stat.S_IMODE((served.path / "access.log").stat().st_mode) == 0o600
    assert [path for name in ("body", "proxy") for path in (served.path / name).rglob("*") if path.is_file()] == []


def test_a_long_log_is_turned_and_written_on(served: Served) -> None:
    key = served.fronts.add_key("alice")
    served.open()
    log, old = served.path / "access.log", served.path / "access.log.1"
    os.truncate(log, 33 * 1024 * 1024)
    until(old.exists)
    until(lambda: served.ask(key=key)[0] == 200 and log.exists() and b"alice" in log.read_bytes())
    assert log.stat().st_size < 10_000


def test_the_workers_are_nobody_where_root_starts_it(served: Served) -> None:
    if os.geteuid():
        pytest.skip("needs root")
    served.fronts.add_key("alice")
    served.open()
    titles = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in descendants(served.folder)}
    workers = [pid for pid, title in titles.items() if title.startswith(b"nginx: worker")]
    assert len(workers) == 2 and all(_uid(pid) for pid in workers)


def _uid(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Uid:")).split()[1])


def test_a_taken_port_is_told_before_anything_is_started(served: Served) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", served.port))
        other.listen()
        with pytest.raises(WizardError) as told:
            served.open()
    assert told.value.problem.code == "front-port-taken"
    assert descendants(served.folder) == []


def test_a_run_that_does_not_serve_is_not_opened(served: Served) -> None:
    served.says("run-ended", status="stopped")
    with pytest.raises(WizardError) as told:
        served.open()
    assert told.value.problem.code == "not-serving"


def test_what_nginx_refuses_is_told_in_its_words_and_what_was_open_stays_as_it_was(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    fake, refusing = tmp_path / "bin" / "nginx", tmp_path / "refusing"
    fake.parent.mkdir()
    refusal = f"[ -e {refusing} ] && echo '[emerg] unknown directive auth_request' >&2 && exit 1"
    fake.write_text(f'#!/bin/sh\ncase "$*" in *" -t "*) {refusal};; esac\nexec {real} "$@"')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    key = served.fronts.add_key("alice")
    refusing.touch()
    with pytest.raises(WizardError) as told:
        served.open()
    assert told.value.problem.code == "nginx-refuses"
    assert "auth_request" in told.value.problem.params["error"]
    until(lambda: descendants(served.folder) == [])
    refusing.unlink()
    served.open()
    refusing.touch()
    with pytest.raises(WizardError):
        served.open(allow=["203.0.113.7"])
    until(lambda: served.fronts.standing(RUN).status == "open")
    assert served.ask(key=key)[0] == 200


@pytest.mark.parametrize(("said", "found"), [("nginx version: nginx/1.14.0", "nginx-old"), (None, "nginx-missing")])
def test_an_nginx_that_is_old_or_missing_is_told(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str | None, found: str
) -> None:
    if said:
        (tmp_path / "nginx").write_text(f"#!/bin/sh\necho '{said}' >&2\n")
        (tmp_path / "nginx").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("wizard.run.front.nginx.PLACES", ())
    with pytest.raises(WizardError) as told:
        served.open()
    assert told.value.problem.code == found


def test_it_says_what_is_risky_and_opens_all_the_same(served: Served) -> None:
    def warned(front: Front) -> list[str]:
        return [problem.code for problem in front.warnings]

    assert warned(served.open(listen=f"0.0.0.0:{served.port}", allow=["all"], tls="off")) == [
        "front-open-to-all",
        "front-plain",
    ]
    assert warned(served.open(listen=f"0.0.0.0:{served.port}", tls="self-signed")) == ["front-self-signed"]
    assert warned(served.open()) == []
