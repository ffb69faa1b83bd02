"""Run in the trl environment: what is learnt under every template at hand, as text."""

import json
import sys
from pathlib import Path

import jinja2
import trl

from wizard.stages.preparing.scripts import scripts
from wizard.stages.preparing.tokens import IGNORED, tokenised
from wizard.stages.template import Talker

NOTHING = {"type": "object", "properties": {}}
TOOL = {"type": "function", "function": {"name": "clock", "description": "The time.", "parameters": NOTHING}}
CALL = {"type": "function", "id": "call00001", "function": {"name": "clock", "arguments": {"zone": "QQ-ZONE"}}}
TALKS = {
    "plain": ["UUU-1 你好?", "AAA-1 好的 😀."],
    "system": ["SSS-1", "UUU-1\n\nmore", "AAA-1\n\nin two parts"],
    "turns": ["UUU-1", "AAA-1", "UUU-2", "AAA-2", "UUU-3", "AAA-3"],
    "blanks": ["  UUU-1  ", "  AAA-1\n"],
    "thoughts": ["UUU-1", "<think>\nTTT-1\n</think>\n\nAAA-1", "UUU-2", "<think>\nTTT-2\n</think>\n\nAAA-2"],
}
ROLES = {"S": "system", "U": "user", "A": "assistant", "<": "assistant"}


def messages(talk):
    return [{"role": ROLES[text.strip()[0]], "content": text} for text in talk]


def tool_talk():
    return [
        {"role": "user", "content": "UUU-1"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "name": "clock", "tool_call_id": "call00001", "content": "RRR-1"},
        {"role": "assistant", "content": "AAA-1"},
    ]


def learnt(talker, talk, tools=()):
    """Of each row: the text of each stretch that is learnt."""
    try:
        told = scripts(talker, talk, tools)
    except jinja2.TemplateError as error:
        return {"refuses": str(error)[:80]}
    rows = []
    for tokens in tokenised(talker, told.scripts):
        stretches, current = [], []
        for token, label in zip(tokens.ids.tolist(), tokens.labels.tolist(), strict=True):
            if label != IGNORED:
                current.append(token)
            elif current:
                stretches.append(current)
                current = []
        stretches += [current] if current else []
        rows.append([talker.tokenizer.decode(stretch, skip_special_tokens=False) for stretch in stretches])
    return {"rows": rows, "missed": told.missed}


def main(folder: Path, work: Path) -> None:
    found = {}
    for number, template in enumerate(sorted(Path(trl.__file__).parent.rglob("*.jinja"))):
        copy = work / str(number)
        copy.mkdir(parents=True)
        for file in folder.iterdir():
            if file.suffix != ".safetensors":
                (copy / file.name).write_bytes(file.read_bytes())
        (copy / "chat_template.jinja").write_bytes(template.read_bytes())
        talker = Talker(copy)
        told = {name: learnt(talker, messages(talk)) for name, talk in TALKS.items()}
        half = messages(TALKS["turns"])
        half[1]["loss"] = False
        told["unweighted"] = learnt(talker, half)
        told["tools"] = learnt(talker, tool_talk(), [TOOL])
        found[template.stem] = told
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
