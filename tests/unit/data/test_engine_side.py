from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wizard.data.files import open_source
from wizard.data.shape import DataFault

CODE = """
import sys
import wizard.data.files
rooms = sorted(name for name in sys.modules if name.startswith("wizard"))
print(*[name for name in rooms if not name.startswith(("wizard.data.", "wizard.contract."))])
print(sorted({name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"wizard", "__main__"}))
"""


def test_the_engine_side_brings_only_the_contract_and_the_standard_library() -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-S", "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env={"PYTHONPATH": str(root)}, check=True)
    assert done.stdout.splitlines() == ["wizard wizard.contract wizard.data", "[]"]


def test_a_file_that_breaks_off_far_behind_its_head_names_itself_and_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("[" + '{"question": "q", "answer": "a"},\n' * 1000 + '{"question"')
    source = open_source(path)
    with pytest.raises(DataFault) as caught:
        list(source.examples())
    assert caught.value.problem.code == "data-json-broken"
    assert caught.value.problem.params["path"] == str(path)
    assert caught.value.problem.params["line"] == 1001
