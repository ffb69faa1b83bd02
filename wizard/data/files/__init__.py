"""Files and what is in them as numbered rows: shared by the screen (through `readers`) and the prepare stage."""

from wizard.data.files.rows import rows, rows_of, sha256_of
from wizard.data.files.source import Source, open_source

__all__ = ["Source", "open_source", "rows", "rows_of", "sha256_of"]
