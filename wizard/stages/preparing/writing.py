"""Rows into an Arrow file, which `datasets` maps into memory as it lies; given up where the disk is too small."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from wizard.stages.faults import free_bytes, is_disk_full

LOOK_EVERY = 64 << 20  # bytes written between two looks at the disk


class Arrow:
    """`room`: bytes that must stay free on its disk. Once they would not, the file is gone and `whole` is False."""

    def __init__(self, path: Path, schema: pa.Schema, room: int) -> None:
        self.path, self.whole, self.bytes, self.rows = path, True, 0, 0
        self._room, self._looked = room, -LOOK_EVERY
        path.unlink(missing_ok=True)  # what lies there may be another run's too, under another name
        self._file = pa.OSFile(str(path), "wb")
        self._stream = pa.ipc.new_stream(self._file, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self.bytes += batch.nbytes
        self.rows += batch.num_rows
        if not self.whole:
            return
        try:
            self._stream.write_batch(batch)
        except OSError as error:
            if not is_disk_full(error, self.path.parent):
                raise
            return self._give_up()
        if self.bytes - self._looked >= LOOK_EVERY:
            self._looked = self.bytes
            if free_bytes(self.path.parent) < self._room:
                self._give_up()

    def close(self) -> None:
        if self.whole:
            self._stream.close()
            self._file.close()

    def _give_up(self) -> None:
        self.whole = False
        self._file.close()
        self.path.unlink()
