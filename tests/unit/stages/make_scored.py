"""Writes a tiny model with a head that scores all alike, so that it always tells its first class: BASE FOLDER."""

import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

NAMES = {0: "even", 1: "odd"}


def main(base: str, folder: str) -> None:
    told = {"num_labels": 2, "id2label": NAMES, "label2id": {name: place for place, name in NAMES.items()}}
    model = AutoModelForSequenceClassification.from_pretrained(base, **told)
    torch.nn.init.zeros_(model.score.weight)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
