"""The stand-in hub with a search by name, and files of its own for each model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from tests.fakes.hub import Hub, HubHandler, running


@contextmanager
def searchable(hub: Hub, names: dict[str, int]) -> Iterator[Hub]:
    """`names`: id -> downloads, of what a search finds."""

    class Handler(HubHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            if address.path == "/api/models":
                return self.found("huggingface", query)
            if re.fullmatch(r"(/api/v1)?/openapi/v1/models", address.path):
                return self.found("modelscope", query)
            super().do_GET()

        def found(self, kind: str, query: dict[str, str]) -> None:
            hub.asked.append(f"{kind} {query.get('search', '')}")
            if status := hub.status.get(kind):
                return self.refuse(status)
            words = query.get("search", "").casefold().split()
            refs = [ref for ref in names if all(word in ref.casefold() for word in words)]
            if kind == "huggingface":
                return self.say([{"id": ref, "downloads": names[ref], "gated": False} for ref in refs])
            rows = [{"id": ref, "downloads": names[ref]} for ref in refs]
            self.say({"success": True, "data": {"models": rows, "total_count": len(rows)}})

    with running(hub, Handler):
        yield hub


def config_file(**config: object) -> bytes:
    return json.dumps(config).encode()
