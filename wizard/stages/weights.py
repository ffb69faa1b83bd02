"""Whether a folder of safetensors is whole, told from headers and sizes alone."""

from __future__ import annotations

import json
from pathlib import Path

from wizard.errors import ExitCode, WizardError

LONGEST_HEADER = 100 << 20
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def whole(file: Path) -> bool:
    """A safetensors file ends exactly where its header says; a cut one does not."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 0 < length <= min(size, LONGEST_HEADER):
                return False
            header = json.loads(stream.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        return bool(ends) and 8 + length + max(ends) == size
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def shards(folder: Path) -> tuple[str, ...]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return ("model.safetensors",)
    names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return tuple(sorted(set(names)))


def only_pickled(folder: Path, names: tuple[str, ...]) -> str:
    """The first file of weights that only unpickling could read, where there are no safetensors at all."""
    if any((folder / name).is_file() for name in names):
        return ""
    return next((path.name for path in sorted(folder.glob("*")) if path.suffix in PICKLES), "")


def gguf_of(folder: Path) -> Path | None:
    """The one file of a model that is in no safetensors."""
    if any(folder.glob("*.safetensors")):
        return None
    return next(iter(sorted(folder.glob("*.gguf"))), None)


def check_model(folder: Path) -> None:
    """Raise the Problem of a model folder that cannot be used; the same for every stage that reads one."""
    if not (folder / "config.json").is_file():
        raise WizardError("model-file-missing", exit_code=ExitCode.FAILED, file="config.json", path=str(folder))
    if file := gguf_of(folder):
        if not whole_gguf(file):
            raise WizardError("model-file-damaged", exit_code=ExitCode.FAILED, file=file.name, path=str(folder))
        return
    try:
        names = shards(folder)
    except (ValueError, KeyError, AttributeError, UnicodeDecodeError):
        names = ("model.safetensors.index.json",)
    if pickled := only_pickled(folder, names):
        raise WizardError("model-is-pickled", exit_code=ExitCode.FAILED, file=pickled, place=str(folder))
    for name in names:
        if not (folder / name).is_file():
            raise WizardError("model-file-missing", exit_code=ExitCode.FAILED, file=name, path=str(folder))
        if not whole(folder / name):
            raise WizardError("model-file-damaged", exit_code=ExitCode.FAILED, file=name, path=str(folder))


def whole_gguf(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(4) == b"GGUF"


def check_adapter(folder: Path) -> None:
    """Raise the Problem of an adapter whose weights are missing or cut off: PEFT would look for others to unpickle."""
    if not whole(folder / "adapter_model.safetensors"):
        raise WizardError("adapter-damaged", exit_code=ExitCode.FAILED, path=str(folder))
