from __future__ import annotations

from collections.abc import Iterable

import pytest

from wizard.errors import WizardError
from wizard.stages.listing import Entry, Listing, chosen, content, inside


def listing(names: Iterable[str]) -> Listing:
    entries = tuple(Entry(name=name) for name in names)
    return Listing(kind="modelscope", ref="org/tiny", asked="", revision="", entries=entries)


def names(*listed: str) -> list[str]:
    return [entry.name for entry in chosen(listing(listed))]


def test_what_programs_and_people_read_is_wanted() -> None:
    listed = [
        "config.json",
        "model.safetensors",
        "tokenizer.model",
        "chat_template.jinja",
        "LICENSE",
        "1_Pooling/config.json",
    ]
    assert names(*listed) == listed


OTHER_FORMS = """
pytorch_model.bin  modeling.py  demo.png  onnx/a/model.onnx_data  original/a/params.json  .gitattributes  fetched.json
.part/x  model.Q4.gguf  consolidated.safetensors
"""


@pytest.mark.parametrize("name", OTHER_FORMS.split())
def test_other_forms_of_the_weights_code_and_pictures_are_not(name: str) -> None:
    assert names("model.safetensors", name) == ["model.safetensors"]


def test_consolidated_weights_are_wanted_where_there_are_no_others() -> None:
    assert names("consolidated.safetensors") == ["consolidated.safetensors"]


def test_a_file_that_is_listed_twice_is_fetched_once() -> None:
    assert names("model.safetensors", "model.safetensors") == ["model.safetensors"]


@pytest.mark.parametrize(("listed", "code"), [(["a.bin"], "model-is-pickled"), (["a.gguf"], "hub-lacks-file")])
def test_a_model_without_safetensors_is_refused(listed: list[str], code: str) -> None:
    with pytest.raises(WizardError) as caught:
        chosen(listing(listed))
    assert caught.value.problem.code == code


@pytest.mark.parametrize("name", ["", "/a", "a//b", "..", "a/../b", "./a", "a\\b", "C:a", "a\0b"])
def test_a_name_that_leaves_the_folder_is_known(name: str) -> None:
    assert not inside(name)


def test_the_sum_of_the_contents_is_that_of_run_configs_written_before() -> None:
    sums = {"config.json": "1", "model.safetensors": "2", "README.md": "3", "sub/config.json": "4"}
    assert content(sums) == content({"model.safetensors": "2", "config.json": "1"})
    assert content(sums) == "842b9fdba25b87576e2e5f8b12daea630094c78795ca86229d1cb8eb6ccd0daa"
    assert content(sums) != content(sums | {"config.json": "5"})
