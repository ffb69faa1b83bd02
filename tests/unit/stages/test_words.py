from __future__ import annotations

import re
from pathlib import Path

import wizard.stages
from wizard.words import known

SOURCES = "\n".join(path.read_text() for path in sorted(Path(wizard.stages.__file__).parent.glob("*.py")))


def codes(pattern: str) -> set[str]:
    found = set(re.findall(pattern, SOURCES))
    assert found
    return found


def test_every_problem_has_its_words() -> None:
    missing = {
        f"problem.{code}.{part}"
        for code in codes(r'WizardError\(\s*"([a-z-]+)"')
        for part in ("what", "why", "next")
        if not known(f"problem.{code}.{part}")
    }
    assert not missing


def test_every_note_phase_and_reject_has_its_words() -> None:
    wanted = {f"note.{code}" for code in codes(r'\.note\(\s*"([a-z-]+)"')}
    wanted |= {f"phase.{code}" for code in codes(r'\.phase\(\s*"([a-z-]+)"')}
    wanted |= {f"reject.{code}" for code in ("template-refuses", "answer-cut-off", "nothing-to-learn")}
    assert {key for key in wanted if not known(key)} == set()
