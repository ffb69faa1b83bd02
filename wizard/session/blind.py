"""A page on which a person judges base against trained without knowing which is which: one HTML file, no network."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.journal import RunFolder, read_json
from wizard.session.comparing import STAGE
from wizard.words import LANGUAGES, catalogue, language

TEMPLATE = Path(__file__).with_name("blind.html")
SIDES = ("base", "tuned")
PREFIX = "blind."


def answers_in(folder: RunFolder) -> list[Mapping[str, Any]]:
    """Rows that both have answered, in different words. Raises not-evaluated, nothing-to-judge."""
    found = read_json(folder.stage(STAGE).path / "answers.json")
    if not found:
        raise WizardError("not-evaluated", run=folder.name, exit_code=ExitCode.FAILED)
    rows = [each for each in found["answers"] if all(side in each["answers"] for side in SIDES)]
    rows = [each for each in rows if len({each["answers"][side].strip() for side in SIDES}) > 1]
    if not rows:
        raise WizardError("nothing-to-judge", run=folder.name, exit_code=ExitCode.FAILED)
    return rows


def pairs(rows: Sequence[Mapping[str, Any]], seed: str) -> list[dict[str, Any]]:
    """{"asked", "reference", "sides": [text, text], "who": [subject, subject]}, rows and sides shuffled by the seed."""
    chance = random.Random(seed)
    found = []
    for place in chance.sample(range(len(rows)), len(rows)):
        who = chance.sample(SIDES, 2)
        told = {"row": place, "asked": rows[place]["asked"], "reference": rows[place]["reference"]}
        found.append({**told, "sides": [rows[place]["answers"][name] for name in who], "who": who})
    return found


def page(folder: RunFolder) -> str:
    """The whole file. Answers are data in it, shown as text: what is HTML in them stays letters."""
    words = {
        name: {key.removeprefix(PREFIX): text for key, text in catalogue(name).items() if key.startswith(PREFIX)}
        for name in LANGUAGES
    }
    told = {"run": folder.name, "language": language(), "words": words, "pairs": pairs(answers_in(folder), folder.name)}
    return TEMPLATE.read_text(encoding="utf-8").replace("/*DATA*/null", embedded(told))


def embedded(value: Any) -> str:
    """JSON that cannot end the script it stands in."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
