"""The server that writes the answers while the cards train: vLLM as TRL starts it, on cards of its own.

TRL's server has no key, and takes new weights from whoever reaches it: it, and the exchange of weights, listen on this
machine's own address alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from wizard.contract import MOST_OF_A_CARD, share_of_card
from wizard.errors import ExitCode, WizardError
from wizard.stages import engine
from wizard.stages.client import Client
from wizard.stages.commanding import positions_of
from wizard.stages.desk import STOPPED, Bench, Order
from wizard.stages.ports import claim
from wizard.stages.sharing import visible

HOST = "127.0.0.1"
ADDRESS = "YCDY_GENERATOR"
ROOM = """
import sys, torch
from accelerate.utils import check_cuda_p2p_ib_support
cards = range(int(sys.argv[1]), torch.cuda.device_count())
print(*min(map(torch.cuda.mem_get_info, cards)), int(check_cuda_p2p_ib_support()))
"""
NO_DIRECT_WAY = {"NCCL_P2P_DISABLE": "1", "NCCL_IB_DISABLE": "1"}


def wanted(order: Order) -> bool:
    return "generator" in order.spec


def address(order: Order) -> dict[str, Any]:
    """Where it is, as TRL's settings have it, and a port at which the first card and it exchange weights."""
    if not wanted(order) or ADDRESS not in os.environ:
        return {}
    return {"vllm_server_base_url": os.environ[ADDRESS], "vllm_group_port": claim(HOST, 0)}


@contextmanager
def up(bench: Bench) -> Iterator[subprocess.Popen[bytes] | None]:
    """Ready to write; ended with all its processes, however the training ends. None where the order has none."""
    if not wanted(bench.order):
        yield None
        return
    bench.phase("start-generator")
    before = signal.signal(signal.SIGTERM, engine.stop)
    engine.adopt_orphans()
    port = claim(HOST, 0)
    os.environ |= surroundings(port)
    client = Client(url=f"http://{HOST}:{port}/v1", model="", key="")
    served = None
    try:
        served = engine.start(*program(bench.order, port), bench.folder / "generator.log")
        engine.wait_until_healthy(served, client.healthy, bench.order.spec["generator"]["engine"], log(bench))
        yield served
    except engine.Stop:
        sys.exit(STOPPED)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end(served)
        signal.signal(signal.SIGTERM, before)


def surroundings(port: int) -> dict[str, str]:
    """Of the server and of the cards that ask it: no proxy lies between, and they meet where nobody else comes."""
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    ways = dict.fromkeys(("no_proxy", "NO_PROXY"), f"{direct},{HOST}".lstrip(","))
    meeting = {"VLLM_HOST_IP": HOST, "NCCL_SOCKET_IFNAME": os.environ.get("NCCL_SOCKET_IFNAME", "lo")}
    return {ADDRESS: f"http://{HOST}:{port}", **meeting, **ways}


def program(order: Order, port: int) -> tuple[list[str], dict[str, str]]:
    """Its command line and its environment."""
    told, model = order.spec["generator"], order.input("fetch", "model")
    values = {
        "model": str(model),
        "host": HOST,
        "port": str(port),
        "context": str(min(int(order.knobs["seq_len"]), positions_of(model))),
        "share": share(told, order.spec["device"]),
        "count": str(told["count"]),
    }
    command = [sys.executable, *(part.format_map(values) for part in told["argv"])]
    return command, {**os.environ, "CUDA_VISIBLE_DEVICES": told["cards"]}


def share(told: Mapping[str, Any], device: str) -> str:
    """Of its card with the least room, as it is now, less what new weights take on their way. Where these boards cannot
    write into each other's memory all of them hear it, lest one side of the exchange tries."""
    cards = [*visible(), *told["cards"].split(",")]
    found: list[str] = []
    if device == "cuda":
        asked = [sys.executable, "-c", ROOM, str(len(visible()))]
        shown = {**os.environ, "CUDA_VISIBLE_DEVICES": ",".join(cards)}
        found = subprocess.run(asked, env=shown, capture_output=True, text=True).stdout.split()[-3:]
    if len(found) != 3:
        return f"{MOST_OF_A_CARD:g}"
    if found[2] == "0":
        os.environ |= NO_DIRECT_WAY
    return f"{share_of_card(int(found[0]) - int(told['passing_bytes']), int(found[1])):g}"


def end(served: subprocess.Popen[bytes] | None) -> None:
    if served is not None:
        engine.end(served)


def died(bench: Bench, served: subprocess.Popen[bytes]) -> WizardError:
    """In the middle of the training."""
    return WizardError("generator-died", exit_code=ExitCode.FAILED, exit=served.wait(), log=log(bench))


def log(bench: Bench) -> str:
    return str(bench.folder / "generator.log")
