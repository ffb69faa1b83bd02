"""Run in the trl environment: our template and token ids against transformers', over every template at hand."""

import json
import sys
from pathlib import Path

import trl
from transformers import AutoTokenizer

from wizard.stages.template import Talker

TALKS = [
    [{"role": "user", "content": "你好, who are you?"}],
    [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": 'Hello <b>you</b> & "me"\n'}],
    [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": " A question\n\nin two parts  "},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": "Two 😀."},
    ],
]


def ours(talker, talk, prompt):
    return talker.ids(talk, prompt=prompt)


def theirs(tokenizer, talk, prompt):
    return tokenizer.apply_chat_template(talk, add_generation_prompt=prompt, return_dict=True)["input_ids"]


def outcome(side, *arguments):
    try:
        return list(side(*arguments))
    except Exception:
        return "raises"


def main(folder: Path, work: Path) -> None:
    templates = [None, *sorted(Path(trl.__file__).parent.rglob("*.jinja"))]
    same = raised = 0
    different = []
    for number, template in enumerate(templates):
        copy = work / str(number)
        copy.mkdir(parents=True)
        for file in folder.iterdir():
            if file.suffix != ".safetensors":
                (copy / file.name).write_bytes(file.read_bytes())
        if template:
            (copy / "chat_template.jinja").write_bytes(template.read_bytes())
        tokenizer, talker = AutoTokenizer.from_pretrained(copy), Talker(copy)
        for talk in TALKS:
            for prompt in (False, True):
                expected = outcome(theirs, tokenizer, talk, prompt)
                found = outcome(ours, talker, talk, prompt)
                raised += expected == found == "raises"
                same += expected == found != "raises"
                if expected != found:
                    different.append(template.name if template else "own")
    print(json.dumps({"templates": len(templates), "same": same, "raised": raised, "different": different}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
