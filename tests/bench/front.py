"""What the front (nginx, a key checked for each request) leaves of an engine's throughput: both ways side by side.

python tests/bench/front.py                     # a server that writes all streams step by step, as an engine does
python tests/bench/front.py --tls --clients 64
python tests/bench/front.py --engine 127.0.0.1:8000 --key-file FILE --model NAME    # one that runs

Rounds alternate (bare, front, front, bare ...), so that a busy neighbour meets both alike. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "run" / "front"))

from guarded import Served, descendants, free_port, serving

from wizard.run import key_file

STEP_SECONDS = 0.02
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


# a server that streams like an engine


def pretended(port: int, step: float) -> None:
    asyncio.run(Pretended(step).serve(port))


class Pretended:
    """Each step writes one token to each stream, as continuous batching does."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.streams: dict[asyncio.StreamWriter, tuple[int, asyncio.Event]] = {}

    async def serve(self, port: int) -> None:
        server = await asyncio.start_server(self.talk, "127.0.0.1", port, backlog=1024)
        async with server:
            while True:
                await asyncio.sleep(self.step)
                self.write_tokens()

    def write_tokens(self) -> None:
        for writer, (left, done) in list(self.streams.items()):
            delta = {"choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}]}
            piece = b"data: " + json.dumps({"id": "chatcmpl-0", "object": "chat.completion.chunk", **delta}).encode()
            piece += b"\n\n"
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if left > 1:
                self.streams[writer] = left - 1, done
            else:
                writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
                del self.streams[writer]
                done.set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = {k.lower(): v for k, _, v in (line.partition(b": ") for line in head.split(b"\r\n"))}
                asked = json.loads(await reader.readexactly(int(lines[b"content-length"])))
                writer.write(HEAD.encode())
                done = asyncio.Event()
                self.streams[writer] = asked["max_tokens"], done
                await done.wait()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.streams.pop(writer, None)
        finally:
            writer.close()


# clients


@dataclass(frozen=True)
class Way:
    name: str
    port: int
    key: str
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Load:
    clients: int
    requests: int  # of each client
    tokens: int
    model: str


async def client(way: Way, load: Load, first: list[float]) -> int:
    """Pieces that arrived, over one connection that is kept."""
    host = "localhost" if way.tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", way.port, ssl=way.tls, server_hostname=host)
    asked = {"model": load.model, "stream": True, "max_tokens": load.tokens, "temperature": 0, "ignore_eos": True}
    body = json.dumps({**asked, "messages": [{"role": "user", "content": "Count to a hundred."}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {way.key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    pieces = 0
    for _ in range(load.requests):
        began = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer.split(b"\r\n")[0]:
            raise SystemExit(f"{way.name}: {answer!r} {await reader.read(500)!r}")
        once = False
        while (size := int((await reader.readline()).strip() or b"0", 16)) > 0:
            pieces += (await reader.readexactly(size + 2)).count(b"data:")
            if not once:
                first.append(time.perf_counter() - began)
                once = True
        await reader.readline()
    writer.close()
    return pieces


async def round_of(way: Way, load: Load) -> tuple[float, float]:
    """Pieces a second, and the median seconds to the first."""
    first: list[float] = []
    began = time.perf_counter()
    pieces = sum(await asyncio.gather(*(client(way, load, first) for _ in range(load.clients))))
    return pieces / (time.perf_counter() - began), statistics.median(first)


# side by side


@contextmanager
def engine_of(options: argparse.Namespace) -> Iterator[int]:
    if options.engine:
        yield int(options.engine.rpartition(":")[2])
        return
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=pretended, args=(port, options.step), daemon=True)
    process.start()
    time.sleep(2.0)
    yield port
    process.terminate()


def ways(served: Served, port: int, options: argparse.Namespace) -> tuple[Way, Way]:
    own = key_file(served.home, served.folder.name)
    if options.key_file:
        own.write_text(options.key_file.read_text().strip())
    served.ready(port)
    key = served.fronts.add_key("bench")
    for name in "abcdefgh":  # several, as there would be
        served.fronts.add_key(name)
    front = served.open(rate="100000/s", tls="self-signed" if options.tls else "off")
    assert front.exposure
    trusted = ssl.create_default_context(cafile=front.exposure.certificate) if options.tls else None
    return Way("bare", port, own.read_text()), Way("front", served.port, key, trusted)


def busy_seconds(served: Served) -> float:
    """Of all processes of the front: its keeper, nginx and its workers."""
    found = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in descendants(served.folder))
    return sum(int(each[11]) + int(each[12]) for each in found) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=6, help="of each way")
    parser.add_argument("--step", type=float, default=STEP_SECONDS, help="seconds of the pretended engine's step")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--engine", default="", metavar="HOST:PORT")
    parser.add_argument("--key-file", type=Path)
    parser.add_argument("--model", default="tiny")
    options = parser.parse_args()
    load = Load(options.clients, options.requests, options.tokens, options.model)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "home") as served,
        engine_of(options) as port,
    ):
        pair = ways(served, port, options)
        for way in pair:
            asyncio.run(round_of(way, Load(options.clients, 1, options.tokens, options.model)))
        found: dict[str, list[tuple[float, float]]] = {way.name: [] for way in pair}
        busy = busy_seconds(served)
        for number in range(options.rounds):
            for way in pair if number % 2 == 0 else pair[::-1]:
                found[way.name].append(asyncio.run(round_of(way, load)))
        busy = busy_seconds(served) - busy
    asked = options.rounds * options.clients * options.requests
    rates = {name: statistics.median(rate for rate, _ in rounds) for name, rounds in found.items()}
    firsts = {name: statistics.median(first for _, first in rounds) for name, rounds in found.items()}
    pairs = [front[0] / bare[0] for bare, front in zip(found["bare"], found["front"], strict=True)]
    print(
        json.dumps(
            {
                "clients": options.clients,
                "tls": options.tls,
                "pieces_per_second": {name: round(rate, 1) for name, rate in rates.items()},
                "first_piece_ms": {name: round(first * 1000, 1) for name, first in firsts.items()},
                "front_cpu_ms_per_request": round(busy * 1000 / asked, 2),
                "ratio": round(statistics.median(pairs), 4),
                "ratios": [round(ratio, 4) for ratio in pairs],
            }
        )
    )


if __name__ == "__main__":
    main()
