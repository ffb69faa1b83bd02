"""What this program made in its home and its stores, known by its names. All else there is somebody's own and stays."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from wizard.errors import ExitCode, WizardError
from wizard.journal import Home

RUN = r"\d{8}-.+-[0-9a-f]{4}"
MADE: Mapping[str, str] = {  # folder of a home or a store -> the names we give in it
    "bin": r"uv|yichuidingyin",
    "cache": r"uv|uv\.part|python|libraries|disk-speed\.json(\.\d+)?|recordings-[0-9a-f]{12}\.json"
    r"|config|huggingface|modelscope|torch_extensions|torchinductor|triton|vllm",  # which lay there before
    "data": r"[0-9a-f]{16}",
    "datasets": r"(ms|hf)--.+",
    "envs": r".+-[0-9a-f]{16}",
    "lib": r"[0-9a-f]{16}",
    "locks": r"bootstrap|test|wizard|access\.lock|(environment|gpu)-.+\.lock",
    "logs": r"(bootstrap|wizard|simulate|config|search|fetch|dataset|.+-[0-9a-f]{16})\.log",
    "measured": r".+-[0-9a-f]{12}\.json",
    "models": r"\..+\.(lock|part)",  # and the model whose lock lies beside it
    "pasted": r"[0-9a-f]{12}\.\w+|tmp\w{8}",
    "prepared": r"[0-9a-f]{32}(\.part)?",
    "runs": RUN,
    "secrets": rf"{RUN}\.(key|header)|(modelscope|huggingface)\.token|access\.json|front\.(crt|key)",
    "simulated": r"[0-9a-f]+\.json",
}
PROGRAMS = ("test", "wizard")  # environments; `locks/` says of a half-made one that it is ours


def belongings(home: Home) -> tuple[Path, ...]:
    """In the order of their removal. A folder stands for all that is in it; a home or a store follows its folders."""
    found: list[Path] = []
    for root in (*home.stores, home.root):
        parts = _of(root, _made) if root.is_dir() else []
        found += [*sorted(root.iterdir()), root] if parts == [root] else parts
    return tuple(found)


def _of(folder: Path, ours: Callable[[Path], list[Path]]) -> list[Path]:
    """The folder, where all in it is ours; else the parts that are."""
    parts = {path: ours(path) for path in sorted(folder.iterdir())}
    if all(part == [path] for path, part in parts.items()) and not folder.is_symlink():
        return [folder]
    return [path for part in parts.values() for path in part]


def _made(path: Path) -> list[Path]:
    """Of a thing in a home or a store: itself, what is ours in it, or nothing."""
    if path.name in PROGRAMS:
        ours = (path / ".stamp").exists() or (path.parent / "locks" / path.name).exists()
        return [path] if ours else []
    if path.name == "stores" and path.is_file():
        return [path]
    if path.name not in MADE or not path.is_dir():
        return []
    return _of(path, lambda inside: [inside] if _named(inside) else [])


def _named(path: Path) -> bool:
    names = MADE[path.parent.name]
    written_in_part = rf"\.({names})\.\w{{8}}"
    locked = path.parent.name == "models" and path.with_name(f".{path.name}.lock").exists()
    return locked or bool(re.fullmatch(f"{names}|{written_in_part}", path.name))


def delete(path: Path) -> None:
    """A link goes and what it points to stays; a mount point stays, empty."""
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif os.path.ismount(path):
            for inside in path.iterdir():
                delete(inside)
        else:
            shutil.rmtree(path)
    except OSError as error:
        why = error.strerror or str(error)
        place = error.filename or str(path)
        raise WizardError("cannot-remove", exit_code=ExitCode.FAILED, path=place, error=why) from error
