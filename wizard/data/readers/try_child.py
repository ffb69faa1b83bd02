"""Run as a program: reads binary files named on stdin as JSON, and says how the first broken one is.

Their readers abort the whole process where a damaged length makes them ask for more memory than there is: here, within
bounds, and not in front.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from wizard.data.files.columnar import batches_in
from wizard.data.files.footer import footer_of, with_groups
from wizard.data.files.parts import Part, seekable
from wizard.data.files.sheets import sheet_of
from wizard.data.shape import DataFault

MEMORY_BYTES = 4 << 30
CPU_SECONDS = 100


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    order = json.load(sys.stdin)
    answer: dict[str, Any] = {}
    for each in order["parts"]:
        part = Part(path=Path(each["path"]), member=each["member"], label=each["label"], sheet=each["sheet"])
        try:
            read(part, each["container"], order["groups"], order["bytes"])
        except DataFault as fault:
            answer = {"code": fault.problem.code, "params": {**fault.problem.params, "path": each["path"]}}
            break
        except OSError:
            break  # which the caller will find, too
    json.dump(answer, sys.stdout)


def read(part: Part, container: str, groups: int, most: int) -> None:
    """As much of it as an inspection does. `groups`: 0 = all of it; `most`: bytes of an Arrow file."""
    with seekable(part) as file:
        if container == "sheet":
            sheet_of(file, part.sheet)
            return
        if container == "parquet":
            footer = footer_of(file)
            count = len(footer.groups)
            chosen = sorted({number * count // groups for number in range(groups)}) if groups and count else []
            for group in chosen:
                next(batches_in(with_groups(file, footer, [group]), container), None)
            if groups:
                return
            file.seek(0)
        for _ in batches_in(file, container):
            if groups and file.tell() > most:
                return


if __name__ == "__main__":
    main()
