from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
import wizard.data.shape
rooms = sorted(name for name in sys.modules if name.startswith("wizard"))
print(*[name for name in rooms if not name.startswith("wizard.data.shape")])
print(sorted({name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"wizard", "__main__"}))
"""


def test_the_shape_room_brings_only_the_contract_and_the_standard_library() -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-S", "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env={"PYTHONPATH": str(root)}, check=True)
    assert done.stdout.splitlines() == ["wizard wizard.contract wizard.data", "[]"]
