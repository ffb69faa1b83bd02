"""Run in the evaluate environment, as `check_evaluating.py MODEL OUT`: what the evaluation's parts say, as JSON."""

import json
import math
import sys
from pathlib import Path

import torch

from wizard.stages.evaluating import likeness, losses, questions, ranks
from wizard.stages.evaluating.answers import answered
from wizard.stages.loading import model_of, tokenizer_of

SAME = ["The river rises in the hills and ends in the sea.", "A heart is a muscle that pumps blood."]
CHINESE = ["河流大多发源于高处，最后流入大海。", "心脏是一块把血液送往全身的肌肉。"]
WRONG = ["Nothing of that kind.", "No idea at all."]


def texts() -> dict:
    told = {}
    for name, references in (("english", SAME), ("chinese", CHINESE)):
        told[name] = {
            "exact": likeness.exact(references, references),
            "rouge": likeness.rouge_l(references, references),
            "bleu": likeness.bleu(references, references),
            "chrf": likeness.chrf(references, references),
            "wrong": [max(likeness.rouge_l(WRONG, references)), likeness.bleu(WRONG, references)[0]],
            "wordy": likeness.wordy(references),
        }
    half = likeness.rouge_l(["心脏是肌肉"], ["心脏是骨头"])
    return {**told, "half": half, "short": likeness.wordy(["42", "7"]), "case": likeness.exact([" Ａ  b"], ["a B"])}


def loss(model, rows) -> dict:
    """Ours beside transformers' own mean loss of each row."""
    ours = [losses.row_loss(model, ids, labels) for ids, labels in rows]
    theirs = [float(model(torch.tensor([ids]), labels=torch.tensor([labels])).loss) for ids, labels in rows]
    counted = [sum(label != losses.IGNORED for label in labels[1:]) for _, labels in rows]
    return {
        "ours": losses.mean(ours),
        "theirs": sum(mean * tokens for mean, tokens in zip(theirs, counted, strict=True)) / sum(counted),
        "unweighted": sum(theirs) / len(theirs),
        "tokens": [each.tokens for each in ours] == counted,
        "nothing": losses.row_loss(model, [1, 2, 3], [losses.IGNORED] * 3),
        "moved": losses.moved(ours, [losses.Loss(each.total + each.tokens, each.tokens) for each in ours]),
        "perplexity": losses.perplexity(math.log(7)),
    }


def together(folder: Path, model, tokenizer) -> dict:
    """Answers made together are those made alone."""
    prompts = [tokenizer(text)["input_ids"] for text in ("Hi", "What is the matter with you, my friend?", "好")]
    alone = [answered(model, folder, [prompt], 6, lambda done: None)[0] for prompt in prompts]
    return {"together": answered(model, folder, prompts, 6, lambda done: None), "alone": alone}


def asked(tokenizer) -> list:
    frame = questions.frame_of(tokenizer)
    talks = [
        [{"role": "user", "content": "One?"}],
        [
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "1"},
            {"role": "user", "content": "二？"},
        ],
    ]
    ids = [
        tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_dict=True)["input_ids"] for talk in talks
    ]
    return [questions.asked_in(tokenizer, frame, each) for each in (*ids, tokenizer("just text")["input_ids"])]


def main(folder: Path, out: Path) -> None:
    model, tokenizer = model_of(folder, dtype=torch.float32).eval(), tokenizer_of(folder)
    long = list(range(3, 60))
    rows = [(long, [losses.IGNORED] * 20 + long[20:]), ([5, 6, 7], [losses.IGNORED, 6, 7])]
    told = {
        "texts": texts(),
        "loss": loss(model, rows),
        "answers": together(folder, model, tokenizer),
        "asked": asked(tokenizer),
        "ranks": [ranks.rank_of([0.9, 0.5, 0.7], 2), ranks.rank_of([0.5, 0.5, 0.5], 0), ranks.by_chance(2)],
    }
    out.write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
