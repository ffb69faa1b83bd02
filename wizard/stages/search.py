"""Ask hubs for models by words in their names.

echo '{"words": "qwen3 8b", "hubs": ["modelscope", "huggingface"], "limit": 20}' | python -m wizard.stages.search
python -m wizard.stages.search < orders.jsonl > found.jsonl
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wizard.stages.hubs import problem
from wizard.stages.orders import answer_all

Row = dict[str, Any]


def answer_to(order: Mapping[str, Any]) -> dict[str, Any]:
    """{"found": {hub: [{"ref", "downloads", "gated"}]}, "failed": {hub: the code of its Problem}}."""
    answer: dict[str, Any] = {"found": {}, "failed": {}}
    for hub in order["hubs"]:
        search = from_modelscope if hub == "modelscope" else from_huggingface
        try:
            answer["found"][hub] = list(search(order["words"], order["limit"]))
        except Exception as error:
            answer["failed"][hub] = problem({"kind": hub, "ref": ""}, error).problem.code
    return answer


def from_modelscope(words: str, limit: int) -> Iterator[Row]:
    from modelscope_hub import HubApi

    for info in HubApi().list_repos("model", search=words, sort="downloads", page_size=limit).items:
        ref = str(info.id) if "/" in str(info.id) else f"{info.owner}/{info.name}"
        yield {"ref": ref, "downloads": info.downloads or 0, "gated": bool(info.gated)}


def from_huggingface(words: str, limit: int) -> Iterator[Row]:
    from huggingface_hub import HfApi

    for info in HfApi().list_models(search=words, sort="downloads", limit=limit):
        yield {"ref": info.id, "downloads": info.downloads or 0, "gated": bool(info.gated)}


if __name__ == "__main__":
    answer_all(answer_to)
