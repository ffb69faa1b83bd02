"""The code that runs inside engines' environments, copied aside so that an update changes nothing in mid-run."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from wizard.journal import Home

ROOMS = (
    "__init__.py",
    "contract",
    "errors.py",
    "journal",
    "data/__init__.py",
    "data/shape",
    "data/files",
    "tuners",
    "stages",
)


def install_lib(home: Home, source_package_dir: Path) -> str:
    """Copies the engine-side rooms to `lib/<digest>/wizard` and returns the digest of what was copied."""
    files = {str(path.relative_to(source_package_dir)): path.read_bytes() for path in _files(source_package_dir)}
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    target = home.lib / digest.hexdigest()[:16]
    if not target.exists():
        _place(files, target)
    return target.name


def _files(package: Path) -> list[Path]:
    found: list[Path] = []
    for room in ROOMS:
        path = package / room
        found += [path] if path.is_file() else path.rglob("*")
    return sorted(path for path in found if path.is_file() and path.suffix != ".pyc")


def _place(files: dict[str, bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, content in files.items():
            path = temporary / "wizard" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        temporary.chmod(0o755)
        os.rename(temporary, target)
    except OSError:
        if not target.exists():  # else another wizard placed the same files first
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
