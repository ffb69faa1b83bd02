import ast
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SOURCES = sorted((ROOT / "wizard").rglob("*.py"))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


def assert_clean(*command: str) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    assert_clean("ruff", "check", "--cache-dir", str(tmp_path), ".")


def test_the_formatter_would_change_nothing(tmp_path: Path) -> None:
    assert_clean("ruff", "format", "--check", "--cache-dir", str(tmp_path), ".")


def test_the_type_checker_finds_nothing(tmp_path: Path) -> None:
    assert_clean("mypy", "--cache-dir", str(tmp_path))


def test_rooms_import_only_what_the_house_allows() -> None:
    assert_clean("lint-imports", "--no-cache")


def test_shell_scripts_are_clean() -> None:
    scripts = [str(ROOT / "yichuidingyin.sh"), str(ROOT / ".ci" / "run")]
    assert_clean("shellcheck", "-s", "bash", *scripts)


READERS = ("arro3", "python_calamine", "PIL", "tokenizers", "yaml", "jinja2", "backports.zstd", "wizard.data.readers")


@pytest.mark.parametrize("module", ["wizard.cli", "wizard.session"])
def test_a_verb_loads_neither_textual_nor_nvml_nor_torch(module: str) -> None:
    heavy = ("textual", "pynvml", "torch", "questionary", "rich", *READERS)
    done = run(sys.executable, "-c", f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_modules_stay_small() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert [str(path) for path, count in lines.items() if count > 300] == []
    assert statistics.median(lines.values()) <= 100
    assert lines[ROOT / "wizard" / "view" / "app.py"] <= 150
    assert len((ROOT / "yichuidingyin.sh").read_text(encoding="utf-8").splitlines()) <= 250


def test_functions_stay_small() -> None:
    lengths = []
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths.append((node.end_lineno or node.lineno) - node.lineno + 1)
    lengths.sort()
    assert statistics.median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.95)] <= 40


def test_every_module_says_what_it_is() -> None:
    silent = [path for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert [str(path) for path in silent if path.read_text(encoding="utf-8").strip()] == []


def test_what_runs_in_an_engine_s_environment_is_python_3_10() -> None:
    engine_side = [p for p in SOURCES if p.relative_to(ROOT / "wizard").parts[0] in ("stages", "journal", "data")]
    for path in engine_side:
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))


def test_plain_rows_are_looked_at_without_the_readers_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"question": "q", "answer": "a"}\n')
    heavy = [name for name in READERS if name != "wizard.data.readers"]
    look = f"from wizard.data.readers import inspect; inspect({str(tmp_path / 'rows.jsonl')!r})"
    done = run(sys.executable, "-c", f"import sys; {look}; print([m for m in {heavy} if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr
