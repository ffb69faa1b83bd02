"""A foreign chat template rendered where it can do no harm: within bounds of memory and time, on talks of many kinds.

python -m wizard.stages.trial MODEL && echo sound
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import jinja2

from wizard.errors import WizardError
from wizard.stages.prompts import Talk, standard
from wizard.stages.template import Talker

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 10
LONGEST = 8 << 20  # letters of one talk
LONG_TURNS, LONG_TEXT = 64, "A text that goes on. " * 200


def main(folder: Path) -> str:
    """Nothing of a sound template, `too-heavy`, or what broke in it."""
    talker = Talker(folder)
    try:
        talker.template  # noqa: B018 - compiled here
        for talk in talks():
            render(talker, talk)
    except WizardError:  # it has none; the stage that needs one says so
        return ""
    except MemoryError:
        return "too-heavy"
    except Exception as error:  # whatever a foreign template raises
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ""


def render(talker: Talker, talk: Talk) -> None:
    """A template may refuse a talk; it may not break at one."""
    for prompt in (True, False):
        try:
            text = talker.text(talk.messages, tools=talk.tools, prompt=prompt)
        except jinja2.TemplateError as error:
            if error.__cause__:
                raise error.__cause__ from None
            continue
        if len(text) > LONGEST:
            raise MemoryError


def talks() -> Iterator[Talk]:
    yield from standard()
    turns = [{"role": "user" if n % 2 == 0 else "assistant", "content": LONG_TEXT} for n in range(LONG_TURNS + 1)]
    yield Talk("long", turns)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    print(main(Path(sys.argv[1])))
