"""The fake hub's files again, as a data set of both hubs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.hub import Hub, HubHandler, running


class DatasetHandler(HubHandler):
    """Answers a data set's addresses as a model's are answered."""

    def modelscope(self, path: str, query: dict[str, str]) -> None:
        path = path.replace("/api/v1/datasets/", "/api/v1/models/")
        if path.endswith("/repo/tree"):
            if query.get("PageNumber", "1") != "1":
                return self.say({"Code": 200, "Success": True, "Data": {"Files": []}})
            path = path.removesuffix("tree") + "files"
        return super().modelscope(path, query)

    def huggingface(self, path: str) -> None:
        return super().huggingface(path.replace("/api/datasets/", "/api/models/").removeprefix("/datasets"))


@contextmanager
def running_datasets(hub: Hub) -> Iterator[Hub]:
    with running(hub, DatasetHandler):
        yield hub
