"""Which language texts are in, by the scripts they are written in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

SCRIPTS = {
    "han": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "kana": re.compile(r"[\u3041-\u30ff]"),
    "hangul": re.compile(r"[\uac00-\ud7a3]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "arabic": re.compile(r"[\u0600-\u06ff]"),
    "latin": re.compile(r"[A-Za-z]"),
    "accented": re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]"),
    "other": re.compile(r"[\u0370-\u03ff\u0530-\u05ff\u0700-\u10ff\u1780-\u17ff]"),
}
SIGNS_A_WORD = {"han": 1.6, "kana": 2.5, "hangul": 3, "cyrillic": 6, "arabic": 5, "latin": 5, "other": 5}
KANA_SHARE = 0.1  # of a text's East Asian signs: Japanese writes this much and more of itself in kana
ACCENTED_SHARE = 0.015  # of a text's Latin letters: English has hardly any
MAIN_SHARE = 0.6  # of its words, for a text to be in one language
OF_SCRIPT = {"hangul": "ko", "cyrillic": "ru", "arabic": "ar", "latin": "en"}


def scripts(text: str) -> Counter[str]:
    return Counter({name: len(pattern.findall(text)) for name, pattern in SCRIPTS.items()})


def language_of(counted: Mapping[str, int]) -> str:
    """zh en ja ko ru ar, `mixed` where none has most of the words, `other`, or nothing where no script was seen.

    >>> language_of({"han": 90, "latin": 40})
    'zh'
    """
    signs = {name: counted.get(name, 0) for name in SIGNS_A_WORD}
    accented = counted.get("accented", 0)
    japanese = signs["kana"] > KANA_SHARE * (signs["kana"] + signs["han"])
    words = {name: count / SIGNS_A_WORD[name] for name, count in signs.items()}
    words["han"] += words.pop("kana")  # the two are written in one sentence
    total = sum(words.values())
    if not total:
        return ""
    main = max(words, key=lambda name: words[name])
    if words[main] < MAIN_SHARE * total:
        return "mixed"
    if main == "han":
        return "ja" if japanese else "zh"
    if main == "latin" and accented > ACCENTED_SHARE * (signs["latin"] + accented):
        return "other"
    return OF_SCRIPT.get(main, "other")
