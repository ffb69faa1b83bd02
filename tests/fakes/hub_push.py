"""The stand-in hub's other direction: models that are made there, and files that are put into them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fakes.hub import Hub, HubHandler, git_oid


@dataclass
class Pushed:
    """One model: who sees it, what licence it claims, and its files."""

    private: bool
    licence: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class PushHub(Hub):
    models: dict[str, Pushed] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    forbids: bool = False  # the token may read, not write


class PushHandler(HubHandler):
    here: PushHub

    def do_PUT(self) -> None:
        self.here.signed += [self.headers[name] for name in ("Authorization",) if name in self.headers]
        self.here.blobs[self.path.rpartition("/")[2]] = self.body()
        self.say({"Code": 200, "Success": True, "Data": {}})

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        found = re.fullmatch(r"(?:/api|/api/v1|/openapi/v1)/models/([^/]+/[^/]+?)(?:/revision/[^/]+)?", path)
        if not found:
            return super().do_GET()
        if status := self.refusal("huggingface"):
            return self.refuse(status)
        if not (model := self.here.models.get(found[1])):
            return self.refuse(404)
        if path.startswith("/api/models"):
            return self.say({"id": found[1], "sha": self.here.commit, "private": model.private, "siblings": []})
        told = {"Visibility": 1 if model.private else 5, "private": model.private, "Name": found[1].partition("/")[2]}
        self.say({"Code": 200, "Success": True, "success": True, "Data": told, "data": told})

    def do_POST(self) -> None:
        path, sent = unquote(urlsplit(self.path).path), self.body()
        self.here.asked.append(f"POST {path}")
        self.here.signed += [self.headers[name] for name in ("Authorization",) if name in self.headers]
        if status := self.refusal("huggingface") or (403 if self.here.forbids else 0):
            return self.refuse(status)
        for pattern, answer in POSTS.items():
            if found := re.fullmatch(pattern, path):
                told = answer(self, sent, *found.groups())
                return self.refuse(told) if isinstance(told, int) else self.say(told)
        return self.refuse(404)

    def make(self, sent: bytes) -> Any:
        told = json.loads(sent)
        ref = f"{told['organization']}/{told['name']}"
        self.here.models[ref] = Pushed(bool(told.get("private")) or told.get("visibility") == "private")
        return {"url": f"{self.here.url}/{ref}", "name": ref}

    def modes(self, sent: bytes, ref: str) -> Any:
        files = json.loads(sent)["files"]
        return {
            "files": [
                {"path": f["path"], "shouldIgnore": False, "uploadMode": "lfs" if is_big(f["path"]) else "regular"}
                for f in files
            ]
        }

    def batch(self, sent: bytes, ref: str) -> Any:
        wanted = json.loads(sent)["objects"]
        objects = [{**each, "actions": {"upload": {"href": f"{self.here.url}/put/{each['oid']}"}}} for each in wanted]
        return {"objects": objects, "transfer": "basic", "Code": 200, "Success": True, "Data": {"objects": objects}}

    def commit(self, sent: bytes, ref: str) -> Any:
        for line in map(json.loads, sent.splitlines()):
            held, value = self.here.models[ref].files, line["value"]
            if line["key"] == "file":
                held[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                held[value["path"]] = self.here.blobs[value["oid"]]
        oid = git_oid(sent)
        return {"commitUrl": f"{self.here.url}/{ref}/commit/{oid}", "commitOid": oid}

    def make_scope(self, sent: bytes) -> Any:
        """The SDK tries it before every upload, for everybody to see, and passes over a refusal."""
        told = json.loads(sent)
        ref = f"{told['Path']}/{told['Name']}"
        if ref in self.here.models:
            return 409
        self.here.models[ref] = Pushed(told["Visibility"] == 1, told["License"])
        return {"Code": 200, "Success": True, "Data": told}

    def commit_scope(self, sent: bytes, ref: str) -> Any:
        for each in json.loads(sent)["actions"]:
            lfs = each["type"] == "lfs"
            content = self.here.blobs[each["sha256"]] if lfs else base64.b64decode(each["content"])
            self.here.models[ref].files[each["path"]] = content
        return {"Code": 200, "Success": True, "Data": {"oid": git_oid(sent)}}


def is_big(name: str) -> bool:
    return name.endswith(".safetensors")


REF = r"([^/]+/[^/]+?)"
POSTS = {
    r"/api/repos/create": PushHandler.make,
    rf"/api/models/{REF}/preupload/main": PushHandler.modes,
    rf"/{REF}\.git/info/lfs/objects/batch": PushHandler.batch,
    rf"/api/models/{REF}/commit/main": PushHandler.commit,
    r"/api/v1/models": PushHandler.make_scope,
    rf"/api/v1/repos/models/{REF}/info/lfs/objects/batch": PushHandler.batch,
    rf"/api/v1/repos/models/{REF}/commit/master": PushHandler.commit_scope,
}
