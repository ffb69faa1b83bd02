"""What a hub says a model is made of, which of it is wanted, and what is refused before a byte of it is fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wizard.errors import ExitCode, WizardError
from wizard.stages.record import NAME, git_oid_of, sha256_of
from wizard.stages.weights import PICKLES

UNWANTED = (
    *("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.onnx", "*.h5", "*.msgpack", "*.gguf", "*.ot", "*.tflite"),
    *("*.py", "*.ipynb", "*.png", "*.jpg", "*.jpeg", "*.gif", "*.svg", "*.webp", "*.mp4", "*.pdf", "*.zip", "*.gz"),
    *(".*", NAME),
)
OTHER_FORMS = ("original/", "onnx/", "openvino/", ".")  # the same weights once more, for other programs
PIN = "@sha256:"
PINNED = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")  # run configs carry this sum: never change it


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file. `bytes` is -1 and the hashes are empty where the hub does not tell them."""

    name: str
    bytes: int = -1
    sha256: str = ""
    oid: str = ""  # git's name for these bytes
    url: str = ""

    @property
    def hash(self) -> str:
        return self.sha256 or self.oid

    def differs(self, sha256: str, oid: Callable[[], str]) -> bool:
        return self.sha256 != sha256 if self.sha256 else bool(self.oid) and self.oid != oid()

    def sha256_in(self, path: Path) -> str:
        """The sha256 of the file at `path` if it holds these very bytes, else nothing."""
        if not path.is_file() or self.bytes not in (-1, path.stat().st_size):
            return ""
        found = sha256_of(path)
        return "" if self.differs(found, lambda: git_oid_of(path)) else found


@dataclass(frozen=True, kw_only=True)
class Listing:
    """`asked` is the branch, tag or commit that was asked for; `revision` what it was then, if the hub says so."""

    kind: str
    ref: str
    asked: str
    revision: str
    entries: tuple[Entry, ...]

    @property
    def bytes(self) -> int:
        return sum(max(0, entry.bytes) for entry in self.entries)


def chosen(listing: Listing) -> tuple[Entry, ...]:
    """The files that are fetched. Raises where one would land outside the folder, or the weights are only pickled."""
    for entry in listing.entries:
        if not inside(entry.name):
            raise WizardError("hub-names-outside", exit_code=ExitCode.FAILED, file=entry.name, **whose(listing))
    names = {entry.name for entry in listing.entries}
    weights = {name for name in names if matches(name, ("*.safetensors",))}
    pickled = sorted(name for name in names if name.endswith(PICKLES) and "/" not in name)
    if pickled and not weights:
        raise WizardError("model-is-pickled", exit_code=ExitCode.FAILED, file=pickled[0], place=place(listing))
    if not weights:
        raise WizardError("hub-lacks-file", exit_code=ExitCode.FAILED, file="*.safetensors", **whose(listing))
    doubled = ("consolidated*.safetensors",) if any(name.startswith("model") for name in weights) else ()
    found = {entry.name: entry for entry in listing.entries if wanted(entry.name)}
    return tuple(entry for name, entry in found.items() if not matches(name, doubled))


def wanted(name: str) -> bool:
    """Whether any of our programs, or a person, reads such a file of a model."""
    return not matches(name, UNWANTED) and not name.startswith(OTHER_FORMS)


def whose(listing: Listing) -> dict[str, str]:
    return {"hub": listing.kind, "model": listing.ref}


def place(listing: Listing) -> str:
    return f"{listing.kind}:{listing.ref}"


def matches(name: str, patterns: Iterable[str]) -> bool:
    return any(PurePosixPath(name).match(pattern) for pattern in patterns)


def inside(name: str) -> bool:
    """Whether a name that a hub gave stays in the folder it is joined to."""
    parts = name.split("/")
    return bool(name) and not {"", ".", ".."} & set(parts) and not any(odd in name for odd in ("\\", "\0", ":"))


def content(sums: Mapping[str, str]) -> str:
    """One sha256 for all that a program reads of a model: it pins one on a hub whose branches move."""
    pinned = sorted(name for name in sums if "/" not in name and matches(name, PINNED))
    return hashlib.sha256("".join(f"{name} {sums[name]}\n" for name in pinned).encode()).hexdigest()
