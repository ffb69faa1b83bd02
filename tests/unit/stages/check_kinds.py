"""Run in the trl environment: each kind of example as its columns, and TRL's collators on them."""

import json
import sys
from pathlib import Path

from trl.trainer.dpo_trainer import DataCollatorForPreference
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

from wizard.data.shape import Example
from wizard.stages.preparing.batches import Maker
from wizard.stages.preparing.kinds import kind_of
from wizard.stages.preparing.kinds.prompts import unfolded
from wizard.stages.template import Talker

ASKED = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"}]
GOOD, BAD = ({"role": "assistant", "content": text} for text in ("Because.", "No idea."))
CALLED = [{"role": "assistant", "content": "look(why)"}, {"role": "tool", "content": "Rain."}]
TOOL_TALKS = {
    "dpo": Example(messages=[*ASKED, *CALLED, GOOD], rejected=[CALLED[0], {"role": "tool", "content": "Sun."}, BAD]),
    "straight": Example(messages=[*ASKED, *CALLED, GOOD], rejected=[BAD]),
    "kto": Example(messages=[*ASKED, *CALLED, BAD], label=False),
}
EXAMPLES = {
    "dpo": Example(messages=[*ASKED, GOOD], rejected=[BAD]),
    "kto": Example(messages=[*ASKED, BAD], label=False),
    "grpo": Example(messages=ASKED, extra={"solution": 42, "difficulty": "easy"}),
    "cls": Example(messages=ASKED, label=[1, 3]),
    "embedding": Example(messages=[ASKED[1]], positives=[[GOOD]], negatives=[[BAD], [ASKED[0]]], label=0.5),
}


def main(folder: str) -> None:
    talker = Talker(Path(folder))
    rows = {}
    for task, example in EXAMPLES.items():
        maker = Maker(talker=talker, kind=kind_of(task), limit=128)
        made = maker.make([(7, example)])
        assert made.columns["rows"].schema == maker.schema()
        rows[task] = made.columns["rows"].to_pylist()[0]
    long = Maker(talker=talker, kind=kind_of("dpo"), limit=20).make([(7, EXAMPLES["dpo"])])
    asked = Maker(talker=talker, kind=kind_of("grpo"), limit=20).make([(7, EXAMPLES["grpo"])])
    pair = DataCollatorForPreference(pad_token_id=0)([rows["dpo"]])
    kto = DataCollatorForUnpairedPreference(pad_token_id=0)([rows["kto"]])
    texts = {
        task: {name: decoded(talker, ids) for name, ids in row.items() if is_ids(ids)} for task, row in rows.items()
    }
    talks = {name: tool_talk(talker, name, example) for name, example in TOOL_TALKS.items()}
    told = {"talks": talks, "rows": rows, "texts": texts, "unfolded": unfolded(rows["grpo"])}
    told |= {"long": long.told, "asked": asked.told, "pair": list(pair["input_ids"].shape), "kto": sorted(kto)}
    print(json.dumps(told))


def tool_talk(talker, name, example):
    maker = Maker(talker=talker, kind=kind_of("kto" if name == "kto" else "dpo"), limit=256)
    (row,) = maker.make([(7, example)]).columns["rows"].to_pylist()
    return {column: decoded(talker, ids) for column, ids in row.items() if is_ids(ids)}


def decoded(talker, ids) -> str:
    return talker.tokenizer.decode(ids, skip_special_tokens=False)


def is_ids(value) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], int)


if __name__ == "__main__":
    main(sys.argv[1])
