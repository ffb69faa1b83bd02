"""What stands around a .gguf file: the converter that is fetched for it, and the Modelfile for Ollama."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import environment
from wizard.errors import WizardError
from wizard.stages.desk import Bench
from wizard.stages.quantising import converter

ARCHIVE = "llama_cpp_python-0.0.1.tar.gz"
INSIDE = "llama_cpp_python-0.0.1/vendor/llama.cpp"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """As the real one is laid out, with things that are not to be taken."""
    root = tmp_path / "made"
    for name in ("convert_hf_to_gguf.py", "gguf-py/gguf/gguf.py", "conversion/llama.py", "src/llama.cpp"):
        file = root / INSIDE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}")
    index = tmp_path / "index" / "llama-cpp-python"
    index.mkdir(parents=True)
    with tarfile.open(index / ARCHIVE, "w:gz") as tar:
        tar.add(root / "llama_cpp_python-0.0.1", "llama_cpp_python-0.0.1")
        out = tarfile.TarInfo(f"{INSIDE}/conversion/../../../../out.py")
        tar.addfile(out)
    (index / "index.html").write_text(f'<a href="{ARCHIVE}#sha256=00">{ARCHIVE}</a><a href="other.tar.gz">other</a>')
    return index / ARCHIVE


@pytest.fixture
def index(archive: Path) -> Iterator[str]:
    def handler(*told: Any) -> SimpleHTTPRequestHandler:
        return SimpleHTTPRequestHandler(*told, directory=str(archive.parent.parent))

    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name in (*converter.INDEXES, *converter.FOLDERS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "stage"
    folder.mkdir()
    order = {"stage": "quantise", "run": "t", "digest": "d", "rung": 0, "attempt": 1, "spec": {}, "home": str(tmp_path)}
    (folder / "spec.json").write_text(json.dumps({**order, "store": str(tmp_path / "store")}))
    return Bench(folder)


def settings(archive: Path) -> dict[str, str]:
    return {"archive": ARCHIVE, "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}


def test_it_comes_from_the_index_that_the_machine_names_and_is_kept(
    bench: Bench, index: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", index)
    place = converter.place(bench, settings(archive))
    found = sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file())
    assert found == ["conversion/llama.py", "convert_hf_to_gguf.py", "gguf-py/gguf/gguf.py"]
    assert not [file for file in place.parent.iterdir() if file != place]
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9")
    assert converter.place(bench, settings(archive)) == place


def test_a_folder_of_packages_will_do(bench: Bench, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_FIND_LINKS", f"/nowhere,{archive.parent}")
    assert (converter.place(bench, settings(archive)) / "convert_hf_to_gguf.py").is_file()


def test_another_archive_of_that_name_is_not_taken(
    bench: Bench, index: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", index)
    with pytest.raises(WizardError) as caught:
        converter.place(bench, settings(archive) | {"sha256": "0" * 64})
    assert caught.value.problem.code == "converter-missing"
    assert "sha256" in caught.value.problem.params["told"]
    assert not list(Path(caught.value.problem.params["place"]).iterdir())


def test_without_a_network_it_is_said_where_to_put_the_archive(
    bench: Bench, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9")
    with pytest.raises(WizardError) as caught:
        converter.place(bench, settings(archive))
    place = Path(caught.value.problem.params["place"])
    (place / ARCHIVE).write_bytes(archive.read_bytes())
    assert (converter.place(bench, settings(archive)) / "convert_hf_to_gguf.py").is_file()


def test_ollama_gets_the_template_of_the_training(
    trl_python: Path, lib: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """The Go texts below were rendered by Go's own text/template to the letters that jinja2 writes."""
    script = Path(__file__).with_name("check_modelfile.py")
    command = [str(trl_python), str(script), str(tiny_model), str(tmp_path)]
    told = subprocess.run(command, check=True, env=environment(lib), capture_output=True, text=True)
    found = json.loads(told.stdout.splitlines()[-1])
    chatml = "".join(
        f'{{{{ {word} eq .Role "{role}" }}}}<|im_start|>{role}\n{{{{ .Content }}}}<|im_end|>\n'
        for word, role in (("if", "user"), ("else if", "assistant"), ("else if", "system"))
    )
    assert found["own"]["go"] == f"{{{{ range .Messages }}}}{chatml}{{{{ end }}}}{{{{ end }}}}<|im_start|>assistant\n"
    assert found["own"]["file"].startswith('FROM ./model-q8_0.gguf\nTEMPLATE """{{ range')
    assert 'PARAMETER stop "<|im_end|>"' in found["own"]["file"]
    assert found["llama3"]["go"].startswith("{{ if not .System }}<|im_start|>{{ end }}{{ range .Messages }}")
    assert '"user" }}[INST] {{ .Content }} [/INST]{{ else if' in found["mistral"]["go"]
    for name in ("counted", "last-only"):
        assert found[name]["go"] is None and "# No TEMPLATE" in found[name]["file"]
