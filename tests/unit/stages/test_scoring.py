"""Models that do not write: trained until they know their data, merged, served, and asked by real clients."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.unit.stages.programs import KNOBS, LORA, Forge, Stages, served
from tests.unit.stages.recipe_rows import DATA
from wizard.contract import pair_of
from wizard.session import Endpoint
from wizard.session.trying import tried
from wizard.session.using.bench import Wanted, bench
from wizard.stages.client import Client
from wizard.stages.commanding import number_type
from wizard.stages.heads import answers

KEY = "a key"  # as `served` has it
COLOURS = {"red": "rot", "green": "gruen", "blue": "blau", "white": "weiss"}


@pytest.fixture
def learn(forged: Stages, tiny_model: Path, tmp_path: Path) -> Any:
    """The merge stage, done, of rows that are trained on for so many steps."""

    def made(
        task: str,
        trainer: str,
        rows: list[dict[str, Any]],
        questions: list[str],
        model: Path = tiny_model,
        **knobs: Any,
    ) -> Any:
        file = tmp_path / f"{task}.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        common = {"trainer": trainer, "settings": {}, "method": LORA, "task": task, "device": "cpu"}
        common |= {
            "knobs": KNOBS | {"micro_batch": 8, "seq_len": 64, "rank": 8, "save_steps": 1000} | knobs,
            "seq_len": 64,
        }
        data = {"kind": "path", "sources": [{"ref": str(file)}]}
        inputs: dict[str, Any] = {"fetch": {"model": model}}
        for name, spec in (
            ("prepare", {"data": data, "questions": questions}),
            ("train", {}),
            ("merge", {"questions": questions, "max_new_tokens": 4}),
        ):
            stage = forged(name, f"{task}-{name}").order({**common, **spec}, inputs)
            assert stage.run() == 0, (stage.path / "log.txt").read_text()[-3000:]
            inputs[name] = stage.done()["outputs"]
        return stage

    return made


def at(client: Client) -> Endpoint:
    return Endpoint(url=client.url, model=client.model, engine="e", key=client.key, header_file=Path())


def test_a_class_is_learnt_and_told_by_its_name(learn: Any, forge: Forge, tmp_path: Path) -> None:
    rows = [
        {"text": f"{word} {number}", "label": label}
        for number in range(8)
        for word, label in (("good", "praise"), ("bad", "blame"))
    ]
    merge = learn("cls", "classification", rows, ["good 3"], max_steps=40)
    assert merge.done()["result"]["parity"]["equal"] is True
    with served(forge, tmp_path, Path(merge.done()["outputs"]["merged"]), "score") as client:
        told = client.post("/classify", input=["good 2", "bad 5", "good 7"])
        assert [each["label"] for each in told["data"]] == ["praise", "blame", "praise"]
        assert told["data"][0]["labels"] == ["blame", "praise"]
        assert sum(told["data"][0]["probs"]) == pytest.approx(1)
        talk = client.post("/classify", messages=[{"role": "user", "content": "bad 1"}])
        assert talk["data"][0]["label"] == "blame"
        assert told["usage"]["prompt_tokens"] > 0
        assert [line[7:] for line in tried(at(client), "score", "good 2", ()).splitlines()] == ["praise", "blame"]
        judged = client.post("/classify", messages=pair_of("good 2 -> bad 5"))["data"][0]["probs"]
        assert tried(at(client), "judge", "good 2 -> bad 5", ()).startswith(f"{max(judged):.3f}")
        assert answers(client, "judge", ["good 2 -> bad 5"], ()) == [f"{judged[0]:.3f}"]
        here = at(client)
        sweep = bench("r", here, "score", Wanted(users=(1,), read=20), lambda level: None)
        assert (sweep.levels[0].failures, sweep.levels[0].itl_p50) == (0, None)
        assert sweep.levels[0].read == pytest.approx(20, abs=8)
        for wrong in ({"input": []}, {"input": [1]}, {"messages": ["x"]}, {"input": "x", "model": "other"}):
            found = httpx.post(f"{client.url}/classify", json=wrong, headers={"Authorization": f"Bearer {KEY}"})
            assert found.status_code in (400, 404), found.text
            assert found.json()["error"]["message"]
        assert httpx.post(f"{client.url}/classify", json={"input": "x"}).status_code == 401


def test_texts_that_belong_together_become_near(learn: Any, forge: Forge, tmp_path: Path) -> None:
    rows = [{"anchor": word, "positive": other} for word, other in COLOURS.items()] * 4
    merge = learn("embedding", "embedding", rows, list(COLOURS), max_steps=40, micro_batch=4, learning_rate=2e-2)
    result = merge.done()["result"]
    assert result["parity"]["equal"] is True
    assert result["after"] == list(COLOURS.values())
    with served(forge, tmp_path, Path(merge.done()["outputs"]["merged"]), "embedding") as client:
        asked = openai.OpenAI(base_url=client.url, api_key=KEY)  # which asks for base64 by itself
        found = [each.embedding for each in asked.embeddings.create(model="me", input=["red", "rot", "blau"]).data]
        plain = client.post("/embeddings", input="red")["data"][0]["embedding"]
        assert found[0] == pytest.approx(plain, abs=1e-5)
        assert sum(number**2 for number in plain) == pytest.approx(1, abs=1e-3)
        assert tried(at(client), "embedding", "red", list(COLOURS.values())).splitlines()[0].endswith("  rot")
        near, far = (sum(a * b for a, b in zip(found[0], other, strict=True)) for other in found[1:])
        assert near > far, (near, far)


def test_what_16_bits_would_round_away_is_kept_and_served_in_32(
    learn: Any,
) -> None:
    rows = [{"anchor": word, "positive": other} for word, other in COLOURS.items()] * 4
    merge = learn("embedding", "embedding", rows, list(COLOURS), max_steps=2, learning_rate=1e-5)
    folder = Path(merge.done()["outputs"]["merged"])
    assert "merged-in-fp32" in (merge.path / "events.jsonl").read_text()
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"
    assert merge.done()["result"]["parity"]["cast_logit_diff"] < 1e-4
    assert number_type({"device": "cpu", "engine": "trl-extras", "trainer": "embedding"}, folder) == "float32"


def test_the_right_text_is_put_first(learn: Any, forge: Forge, tmp_path: Path) -> None:
    rows = [
        {"query": word, "positive": [right], "negative": [other for other in COLOURS.values() if other != right]}
        for word, right in COLOURS.items()
    ] * 3
    merge = learn("reranker", "reranker", rows, ["red"], max_steps=80)
    with served(forge, tmp_path, Path(merge.done()["outputs"]["merged"]), "rerank") as client:
        told = {
            word: client.post("/rerank", query=word, documents=list(COLOURS.values()), top_n=2)["results"]
            for word in COLOURS
        }
        best = tried(at(client), "rerank", "red", list(COLOURS.values())).splitlines()
        assert best[0].endswith(f"  {told['red'][0]['document']['text']}") and len(best) == 3
    right = [results[0]["document"]["text"] == COLOURS[word] for word, results in told.items()]
    assert sum(right) >= 3  # one of four by chance
    assert all(len(results) == 2 for results in told.values())
    assert all(0 <= each["relevance_score"] <= 1 for results in told.values() for each in results)


@pytest.mark.parametrize(("task", "trainer"), [("cls", "classification"), ("embedding", "embedding")])
def test_rows_that_are_made_while_it_trains_are_looked_through_once(
    forged: Stages, tiny_model: Path, tmp_path: Path, task: str, trainer: str
) -> None:
    file, stream = tmp_path / "rows.jsonl", tmp_path / "stream.json"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in DATA[task]), encoding="utf-8")
    knobs = KNOBS | {"max_steps": 2}
    spec = {"data": {"kind": "path", "sources": [{"ref": str(file)}]}, "task": task, "knobs": knobs}
    pictures = {"family": "", "store": str(tmp_path), "cache": str(tmp_path)}
    told = {"spec": spec, "model": str(tiny_model), "pictures": pictures, "made": len(DATA[task]), "longest": 37}
    stream.write_text(json.dumps(told))
    order = {"trainer": trainer, "settings": {}, "method": LORA, "task": task, "device": "cpu", "knobs": knobs}
    train = forged("train").order(order, {"fetch": {"model": tiny_model}, "prepare": {"rows": stream}})
    assert train.run() == 0, (train.path / "log.txt").read_text()[-3000:]
    assert train.done()["result"]["steps"] == 2


def test_a_model_that_can_only_read_on_sorts_texts_too(learn: Any, tiny_model: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(tiny_model, bare)
    (bare / "chat_template.jinja").unlink()
    rows = [{"text": f"{word} {number}", "label": word} for number in range(8) for word in ("good", "bad")]
    merge = learn("cls", "classification", rows, ["good 3"], model=bare, max_steps=4)
    assert merge.done()["result"]["parity"]["changed"]
