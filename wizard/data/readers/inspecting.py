"""`inspect`: what a file is, how many of its rows can be used, and three of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wizard.contract import DataReport
from wizard.data.files import open_source
from wizard.data.files.encodings import WHOLE_BYTES
from wizard.data.files.media.checking import Media
from wizard.data.readers.files import check_file, told
from wizard.data.readers.lengths import COUNTED_LETTERS, SAMPLED_LETTERS, Lengths
from wizard.data.readers.rendering import Template
from wizard.data.readers.sampling import sample
from wizard.data.readers.tally import Tally, Watch


def inspect(
    path: str | Path,
    *,
    encoding: str = "",
    format: str = "",
    mapping: Mapping[str, str] | None = None,
    whole_bytes: int = WHOLE_BYTES,
    template: Template | None = None,
    watch: Watch = lambda rows: None,
) -> DataReport:
    """Read whole up to `whole_bytes`; a larger file is sampled and its report is not exact. `template`: of the model
    for which the rows' lengths are told; `watch` is told how far it is and may raise to end it."""
    path = Path(path).expanduser()
    with told(path):
        size = check_file(path)
        source = open_source(path, encoding=encoding, format=format, mapping=mapping)
        room = SAMPLED_LETTERS if size > whole_bytes else COUNTED_LETTERS
        tally = Tally(source.shape, Media.beside(path), Lengths(template, room), watch)
        if size > whole_bytes:
            return tally.report(source.encoding, sample(path, size, source, tally))
        tally.add(source.rows)
        return tally.report(source.encoding)
