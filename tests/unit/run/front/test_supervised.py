"""A front beside a run that a real supervisor keeps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from guarded import Engine, Served, descendants, free_port, has_nginx, until

from tests.unit.run.conftest import Toy, stage
from wizard.journal import locked
from wizard.run import stop
from wizard.run.front import close_front, standing
from wizard.session.fronts import Fronts

SERVE = """
on_term(lambda: sys.exit(0))
event('ready', endpoint=spec['endpoint'], model='toy', engine='toy')
while True: time.sleep(0.05)
"""


def test_it_outlives_a_supervisor_that_is_killed_and_ends_with_the_run(
    toy: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_nginx():
        pytest.skip("needs nginx: apt-get install nginx-light")
    engine, port = Engine(), free_port()
    spec = {"code": SERVE, "endpoint": f"http://127.0.0.1:{engine.port}/v1"}
    run = toy(stage("serve", SERVE, 1, spec=spec))
    monkeypatch.setenv("YCDY_HOME", str(run.home.root))
    run.launch()
    until(lambda: run.state().status == "serving")
    fronts = Fronts(run.home)
    key = fronts.add_key("alice")
    served = Served(run.home, run.folder, engine, fronts, port)
    fronts.open("toy", fronts.asked("toy", listen=f"127.0.0.1:{port}", tls="off"))
    assert served.ask(key=key)[0] == 200

    os.kill(run.events("run-started")[-1]["pid"], signal.SIGKILL)
    until(lambda: standing(run.folder).status == "waiting")  # nobody looks after the engine
    until(lambda: served.ask(key=key)[0] == 503)
    run.launch()
    until(lambda: standing(run.folder).status == "open")
    until(lambda: served.ask(key=key)[0] == 200)

    stop(run.folder)
    until(lambda: not locked(run.folder.lock) and standing(run.folder).status == "off")
    until(lambda: descendants(run.folder) == [])
    with pytest.raises(ConnectionRefusedError):
        served.ask()
    assert not close_front(run.folder)
    engine.end()
