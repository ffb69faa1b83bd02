"""A drawer of formats and an engine that measures, for tests: nothing of it is ever run."""

from __future__ import annotations

from pathlib import Path

FORMAT = """
title = {{ en = "{title}", zh = "{title}" }}
why = {{ en = "Smaller.", zh = "更小。" }}
engine = "{engine}"
maker = "compressed"
bits = {bits}
calibrated = {calibrated}

[readers.vllm-cpu]
status = "{cpu}"
told = {{ en = "{told}", zh = "{told}" }}

[readers.vllm]
status = "{gpu}"
told = {{ en = "its command line was parsed", zh = "检查过命令行" }}
min_capability = [8, 9]
"""
ENGINE = """
title = "Measures"
kinds = ["evaluate"]
python = ["3.11", "3.12", "3.13", "3.10"]

[locks]
cpu = "hub.txt"
cu12 = "hub.txt"
cu13 = "hub.txt"

[needs]

[disk_bytes]
cpu = 1_000
"""
GIVEN = {
    "engine": "trl", "bits": "8.0", "calibrated": "false", "cpu": "run", "told": "run on an AVX2 CPU", "gpu": "parsed",
}  # fmt: skip
FORMATS = {
    "fp8": {"title": "FP8"},
    "awq": {
        "title": "AWQ", "bits": "4.2", "cpu": "refused", "gpu": "refused",
        "told": "dies at the first request without AVX-512",
    },
    "int8": {"title": "INT8", "calibrated": "true"},
    "odd": {"title": "Odd", "engine": "absent"},
}  # fmt: skip


def drawer(folder: Path) -> Path:
    """A catalogue of these, to be laid over the built-in one; the built-in formats are put out of sight."""
    (folder / "formats").mkdir(parents=True)
    (folder / "engines").mkdir()
    for id, more in FORMATS.items():
        (folder / "formats" / f"{id}.toml").write_text(FORMAT.format(**{**GIVEN, **more}), encoding="utf-8")
    (folder / "engines" / "measures.toml").write_text(ENGINE, encoding="utf-8")
    return folder
