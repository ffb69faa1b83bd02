"""The pictures of a report's sample rows, for a screen to draw."""

from __future__ import annotations

from pathlib import Path

from wizard.contract import DataReport, Thumbnail
from wizard.data.readers import previews


def pictures(report: DataReport, path: str) -> tuple[Thumbnail, ...]:
    return previews(report.samples, Path(path).expanduser())
