from __future__ import annotations

import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from wizard.detect import cgroup, host, reach
from wizard.detect.driver import has_card
from wizard.detect.machine import detect
from wizard.detect.pythons import pythons
from wizard.detect.tools import tools


def test_the_cpu_is_read_from_its_first_block(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(
        "processor\t: 0\nmodel name\t: Some CPU @ 3GHz\nflags\t\t: fpu avx2 amx_bf16 avx512_bf16\n\n"
        "processor\t: 1\nmodel name\t: another\n",
        encoding="utf-8",
    )
    cpu = host.cpu(file)
    assert (cpu.name, cpu.flags) == ("Some CPU @ 3GHz", ("avx2", "avx512_bf16", "amx_bf16"))
    assert cpu.cores >= 1


def test_an_arm_cpu_without_a_name_still_tells_its_features(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n", encoding="utf-8")
    cpu = host.cpu(file)
    assert cpu.name
    assert cpu.flags == ("asimd", "bf16")


def test_without_a_cpuinfo_nothing_is_claimed(tmp_path: Path) -> None:
    assert host.cpu(tmp_path / "none").flags == ()


def test_cores_stay_inside_quota_and_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    for quota, cores in ((None, 8), (2.5, 2), (0.5, 1), (64.0, 8)):
        monkeypatch.setattr(cgroup, "cpu_limit", lambda _, quota=quota: quota)
        assert host.cores() == cores


def test_ram_stays_inside_a_containers_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = cgroup.MemoryLimit(total_bytes=1 << 28, free_bytes=1 << 20)
    monkeypatch.setattr(cgroup, "memory_limit", lambda _: limit)
    assert host.ram() == (1 << 28, 1 << 20)


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def test_a_wrapper_that_does_not_start_is_no_python(tmp_path: Path) -> None:
    program(tmp_path, "python3.12", "echo 'not installed' >&2; exit 127")
    program(tmp_path, "python3.13", "echo 3.9; echo /usr/bin/python3.9")
    found = pythons({"PATH": str(tmp_path)})
    assert not [path for path in found.values() if path.startswith(str(tmp_path))]


def test_a_wrapper_that_starts_stands_for_what_is_behind_it(tmp_path: Path) -> None:
    version = next(v for v in ("3.10", "3.13") if v != "{}.{}".format(*sys.version_info))
    program(tmp_path, f"python{version}", f"echo {version}; echo /opt/real/python{version}")
    assert pythons({"PATH": str(tmp_path)})[version] == f"/opt/real/python{version}"


def test_a_shim_is_replaced_by_the_newest_build_behind_it(tmp_path: Path) -> None:
    version = next(v for v in ("3.10", "3.13") if v != "{}.{}".format(*sys.version_info))
    program(tmp_path / "shims", f"python{version}", "exit 127")
    for patch in ("2", "11"):
        folder = tmp_path / "versions" / f"{version}.{patch}" / "bin"
        folder.mkdir(parents=True)
        (folder / f"python{version}").write_bytes(b"\x7fELF")
    found = pythons({"PATH": str(tmp_path / "shims")})[version]
    assert found == str(tmp_path / "versions" / f"{version}.11" / "bin" / f"python{version}")


def test_the_running_python_is_always_there() -> None:
    version = "{}.{}".format(*sys.version_info)
    assert Path(pythons({"PATH": ""})[version]).is_file()


def test_headers_are_looked_for_beside_each_python(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.12").touch()
    paths = {"3.12": str(tmp_path / "bin" / "python3.12")}
    assert "python-headers-3.12" not in tools(paths)
    (tmp_path / "include" / "python3.12").mkdir(parents=True)
    (tmp_path / "include" / "python3.12" / "Python.h").touch()
    assert "python-headers-3.12" in tools(paths)


def test_a_compiler_counts_only_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "cc" not in tools({})
    program(tmp_path, "gcc", "exit 0")
    assert "cc" in tools({})


def card_on_the_bus(root: Path, vendor: str, kind: str) -> None:
    device = root / "sys/bus/pci/devices" / f"{vendor}-{kind}"
    device.mkdir(parents=True)
    (device / "vendor").write_text(vendor + "\n", encoding="ascii")
    (device / "class").write_text(kind + "\n", encoding="ascii")


def test_an_nvidia_card_without_a_driver_is_seen_on_the_bus(tmp_path: Path) -> None:
    card_on_the_bus(tmp_path, "0x10de", "0x040300")
    card_on_the_bus(tmp_path, "0x1002", "0x030000")
    assert not has_card(tmp_path)
    card_on_the_bus(tmp_path, "0x10de", "0x030200")
    assert has_card(tmp_path)


def test_a_card_without_a_driver_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("wizard.detect.driver.has_library", lambda: False)
    monkeypatch.setattr("wizard.detect.driver.has_card", lambda: True)
    assert [problem.code for problem in detect(tmp_path, {}, speed=False).problems] == ["driver-missing"]
    monkeypatch.setattr("wizard.detect.driver.has_card", lambda: False)
    assert detect(tmp_path, {}, speed=False).problems == ()


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def server() -> Iterator[str]:
    web = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}/"
    web.shutdown()
    web.server_close()


def test_reaching_counts_any_answer_and_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with server() as here, socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        answers = reach([here, mute, "http://127.0.0.1:1/", "nonsense"], 0.5)
    assert answers[here] is not None
    assert [answers[mute], answers["http://127.0.0.1:1/"], answers["nonsense"]] == [None, None, None]


def test_a_server_whose_certificate_is_unknown_here_answers_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError(ssl.SSLCertVerificationError("unknown issuer"))

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    assert reach(["https://hub.test"], 1.0)["https://hub.test"] is not None
