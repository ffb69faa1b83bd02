"""llama.cpp's converter, out of the source archive of llama-cpp-python: the one place on the package index that has it.

Only its Python files are taken, and only from an archive that has the very hash the format's file names."""

from __future__ import annotations

import hashlib
import html.parser
import http.client
import os
import re
import shutil
import tarfile
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench

PROJECT = "llama-cpp-python"
INDEX = "https://pypi.org/simple"
INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
DEFAULTS = INDEXES[:3]
UNREACHED = (OSError, ValueError, http.client.HTTPException)
FOLDERS = ("UV_FIND_LINKS", "PIP_FIND_LINKS")
INSIDE = "/vendor/llama.cpp/"
WANTED = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/")
PATIENCE_SECONDS, BLOCK = 60, 1 << 20


def place(bench: Bench, settings: Mapping[str, Any]) -> Path:
    """The folder with convert_hf_to_gguf.py. Raises WizardError converter-missing."""
    archive, wanted = str(settings["archive"]), str(settings["sha256"])
    kept = Path(bench.order.store) / "cache" / "converters"
    folder = kept / archive.removesuffix(".tar.gz")
    if (folder / WANTED[0]).is_file():
        return folder
    bench.phase("fetch-converter")
    kept.mkdir(parents=True, exist_ok=True)
    told = ""
    for source in (str(kept / archive), *near(archive), *addresses(archive)):
        part = kept / f"{archive}.{os.getpid()}.part"
        try:
            if fetched(bench, source, part) == wanted:
                return unpacked(part, folder)
            told = f"{shown(source)}: another sha256"
        except UNREACHED as error:
            if getattr(error, "errno", None):
                told = told or f"{shown(source)}: {type(error).__name__}"
        finally:
            part.unlink(missing_ok=True)
    raise WizardError("converter-missing", exit_code=ExitCode.FAILED, archive=archive, place=str(kept), told=told[:300])


def shown(source: str) -> str:
    """Without the name and password that an index may be addressed with."""
    return re.sub(r"//[^/@]*@", "//", source)


def near(archive: str) -> Iterator[str]:
    """In folders of packages that this machine names."""
    for name in FOLDERS:
        for each in os.environ.get(name, "").replace(",", " ").split():
            if "://" not in each and (file := Path(each) / archive).is_file():
                yield str(file)


def addresses(archive: str) -> Iterator[str]:
    """On the package indexes that this machine names, else on the public one."""
    named = [each for name in INDEXES for each in os.environ.get(name, "").split()]
    if not any(os.environ.get(name) for name in DEFAULTS):
        named.append(INDEX)  # the others only add to it
    for index in dict.fromkeys(each.rstrip("/") for each in named):
        page = f"{index}/{PROJECT}/"
        try:
            with urllib.request.urlopen(page, timeout=PATIENCE_SECONDS) as answer:
                links = Links(answer.read().decode("utf-8", "replace"))
        except UNREACHED:
            continue
        yield from (urllib.parse.urljoin(page, link) for link in links.found if file_of(link) == archive)


def file_of(link: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(link).path).rpartition("/")[2]


class Links(html.parser.HTMLParser):
    """The addresses on an index's page (PEP 503)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def fetched(bench: Bench, source: str, part: Path) -> str:
    """The sha256 of what was written to `part`."""
    digest, done = hashlib.sha256(), 0
    address = source if "://" in source else Path(source).as_uri()
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer, part.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        while block := answer.read(BLOCK):
            file.write(block)
            digest.update(block)
            done += len(block)
            bench.progress(done, total, "bytes")
    return digest.hexdigest()


def unpacked(archive: Path, folder: Path) -> Path:
    """Whole or not there; files alone, written by their names below `folder`."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.partition(INSIDE)[2]
            if member.isfile() and name.startswith(WANTED) and ".." not in name and (file := tar.extractfile(member)):
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                with (part / name).open("wb") as out:
                    shutil.copyfileobj(file, out)
    shutil.rmtree(folder, ignore_errors=True)
    return part.rename(folder)
