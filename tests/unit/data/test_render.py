from __future__ import annotations

import json
from pathlib import Path

import pytest

from wizard.contract import Architecture, Model
from wizard.data.files.templates import source_of, special_tokens
from wizard.data.readers import Talk, Template, template_of
from wizard.errors import WizardError

RECIPES = Path(__file__).parents[3] / "recipes"
TALK = [{"role": "user", "content": "你好 <b>"}, {"role": "assistant", "content": "Hello"}]
CHATML = "<|im_start|>user\n你好 <b><|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"


def _model(family: str) -> Model:
    shape = Architecture(
        family=family, layers=1, hidden=1, heads=1, kv_heads=1, head_dim=1, intermediate=1, vocab=1, tied=True
    )
    return Model(id="m", title="m", params=1, architecture=shape, template="chatml")


def render(messages: list[dict[str, str]], source: str | None, tokens: dict[str, str] | None = None) -> str:
    return Template(source=source, tokens=tokens or {}).render([Talk(messages=messages)])[0]


def _code(template: str) -> str:
    with pytest.raises(WizardError) as caught:
        render(TALK, template)
    return caught.value.problem.code


def test_without_a_template_it_is_chatml() -> None:
    assert render(TALK, None) == CHATML


def test_the_bundled_models_template_adds_its_system_turn(tmp_path: Path) -> None:
    template = template_of(tmp_path, _model("smollm2"), RECIPES).source
    expected = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    assert render(TALK, template) == expected + CHATML


def test_templates_have_what_transformers_gives_them() -> None:
    template = """{{ bos_token }}{%- for message in messages %}
    {%- if loop.index > 9 %}{% break %}{% endif %}
    {%- generation %}{{ message | tojson }}{% endgeneration %}
    {%- endfor %}{{ strftime_now('%Y') | length }}{{ message is defined }}"""
    thoughtful = [{"role": "assistant", "content": "<a>", "reasoning": "r"}]
    text = render(thoughtful, template, {"bos_token": "<s>"})
    told = {"role": "assistant", "content": "<a>", "reasoning": "r", "reasoning_content": "r", "thinking": "r"}
    assert text == "<s>" + json.dumps(told) + "4False"


def test_a_template_that_refuses_a_row_says_why() -> None:
    with pytest.raises(WizardError) as caught:
        render(TALK, "{{ raise_exception('no system turn') }}")
    assert caught.value.problem.params["why"] == "TemplateError: no system turn"
    assert _code("{% for %}") == "template-failed"
    assert _code("{{ messages.append(1) }}") == "template-failed"
    assert _code("{{ ''.__class__.__mro__ }}{{ cycler.__init__.__globals__ }}") == "template-failed"
    assert _code("{% set ns = namespace(_x=1) %}") == "template-failed"


def test_a_template_cannot_take_all_memory_or_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    child = Path(__file__).parents[3] / "wizard" / "data" / "readers" / "render_child.py"
    quick = tmp_path / "child.py"
    quick.write_text(child.read_text().replace("CPU_SECONDS = 10", "CPU_SECONDS = 1"))
    monkeypatch.setattr("wizard.data.readers.rendering.CHILD", quick)
    assert _code("{{ 'x' * (10 ** 10) }}") == "template-too-heavy"
    assert (
        _code("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}") == "template-too-heavy"
    )


def test_several_conversations_are_rendered_in_order() -> None:
    template = Template(source="{{ messages[0]['content'] }}")
    assert template.render([Talk(messages=TALK[:1]), Talk(text="as it is"), Talk(messages=TALK[1:])]) == [
        "你好 <b>", "as it is", "Hello",
    ]  # fmt: skip


def test_tools_and_the_opening_of_an_answer_reach_the_template() -> None:
    template = Template(source="{{ tools | tojson }}{% if add_generation_prompt %}>{% endif %}")
    tools = [{"type": "function", "function": {"name": "weather"}}]
    assert template.render([Talk(messages=TALK, tools=tools), Talk(messages=TALK, prompt=True)]) == [
        json.dumps(tools), "null>",
    ]  # fmt: skip


def test_chatml_shows_calls_of_tools() -> None:
    call = {"type": "function", "function": {"name": "weather", "arguments": {"in": "北京"}}}
    text = render([{"role": "assistant", "content": "", "tool_calls": [call]}], None)  # type: ignore[dict-item]
    assert text == '<|im_start|>assistant\n{"name": "weather", "arguments": {"in": "北京"}}<|im_end|>\n'


def test_a_models_own_template_goes_first(tmp_path: Path) -> None:
    config = {
        "chat_template": [{"name": "default", "template": "T"}],
        "eos_token": {"content": "</s>"},
        "pad_token": None,
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert template_of(tmp_path, _model("smollm2"), RECIPES) == Template(source="T", tokens={"eos_token": "</s>"})
    (tmp_path / "chat_template.jinja").write_text("J")
    assert template_of(tmp_path, _model("smollm2"), RECIPES).source == "J"
    assert template_of(tmp_path / "absent", _model("unheard-of"), RECIPES) == Template()


@pytest.mark.parametrize("name", ["tokenizer_config.json", "chat_template.json"])
def test_a_template_is_found_where_models_keep_it(tmp_path: Path, name: str) -> None:
    """Models that see keep theirs with what prepares their pictures."""
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": {"content": "</s>"}}')
    told = json.loads((tmp_path / name).read_text()) if (tmp_path / name).exists() else {}
    named = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]
    (tmp_path / name).write_text(json.dumps({**told, "chat_template": named}))
    assert (source_of(tmp_path), special_tokens(tmp_path)) == ("yes", {"eos_token": "</s>"})


def test_a_broken_file_beside_a_model_is_no_template(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text("{")
    (tmp_path / "chat_template.jinja").write_bytes(b"\xff\xfe\x00")
    assert (source_of(tmp_path), special_tokens(tmp_path)) == ("", {})
