"""Numbers as people and models write them, as exact fractions: 1,234.5 · １２ · 50% · \\frac{3}{4} · 2.5e3 ·
三百二十一 · 百分之五十 · 三分之二."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

WORDS = ("零〇", "一壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
DIGITS = {sign: number for number, signs in enumerate(WORDS) for sign in signs}
TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
SCALES = {"%": Fraction(1, 100)} | {sign: Fraction(scale) for sign, scale in {**TENS, **MYRIADS}.items()}
HAN = f"负?[{''.join((*DIGITS, *TENS, *MYRIADS))}点分之]+"
PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
NUMBER = re.compile(
    rf"(?<![A-Za-z0-9_])(?<!\d\.)[-+]?\s?(?:\d+ +\d+/\d+|(?:{PLAIN})/\d+|(?:{PLAIN})(?:e[-+]?\d{{1,3}}(?!\d))?)"
    rf"(?!\d|\.\d|e[-+]?\d)\s?(?:%|[万亿千百]+(?![分之米克瓦]))?"
)
WRITTEN = re.compile(HAN)
LONGEST = 400  # digits: no answer has more, and arithmetic on them costs their square
UNIT = 16  # letters at most beside a number that is meant alone
LATEX = (
    (re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname)\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"(\d)\s*\\[dtc]?frac"), r"\1 \\frac"),
    (re.compile(r"\\[dtc]?frac\s*\{\s*(-?[\d.,]+)\s*\}\s*\{\s*([\d.,]+)\s*\}"), r"\1/\2"),
    (re.compile(r"\\[dtc]?frac\s*(\d)\s*(\d)"), r"\1/\2"),
    (re.compile(r"\s?(?:\\times|\\cdot|[×x*])\s?10\s?\^\s?\{?([-+]?\d{1,3})\}?"), r"e\1"),
    (re.compile(r"\{,\}|\\[,!;: ]"), ""),
    (re.compile(r"\\(?:left|right)\b|\^?\\(?:circ|degree)\b|\\?\$"), ""),
    (re.compile(r"\\%"), "%"),
)


def plain(text: str) -> str:
    """Full-width signs, fractions of one sign and LaTeX's spellings become ASCII."""
    told = "".join(f" {sign}" if "<fraction>" in unicodedata.decomposition(sign) else sign for sign in text)
    told = unicodedata.normalize("NFKC", told).translate({0x2044: "/", 0x2212: "-", 0x2013: "-"})
    for pattern, change in LATEX:
        told = pattern.sub(change, told)
    return told


class Number(NamedTuple):
    value: Fraction
    percent: bool

    def same(self, other: Number) -> bool:
        """Exactly so; a per cent sign that only one of the two bears may be a unit, too: 50% is 50, and 0.5."""
        one, another = self.value, other.value
        unit = self.percent != other.percent
        return one == another or (unit and (one == another * 100 or one * 100 == another))


def number(text: str) -> Number | None:
    """Of a text that is one number with at most a unit around it: `$1,200`, `42 km`, `12元`, `x = 3`."""
    told = plain(text).strip()
    for pattern, letters in ((NUMBER, UNIT), (WRITTEN, 1)):
        if found := list(pattern.finditer(told)):
            alone = len(found) == 1 and len(told) - len(found[0].group()) <= letters
            return value(found[0].group()) if alone else None
    return None


def numbers(text: str) -> list[Number]:
    """All of a longer text in their order; Chinese numerals where there are no digits."""
    told = plain(text)
    for pattern in (NUMBER, WRITTEN):
        if found := [read for match in pattern.finditer(told) if (read := value(match.group())) is not None]:
            return found
    return []


def value(text: str) -> Number | None:
    """Of a match alone."""
    if len(text) > LONGEST:
        return None
    try:
        read = _western(text) if any(sign.isdecimal() for sign in text) else _chinese(text)
    except (ValueError, ZeroDivisionError):
        return None
    return Number(read, "%" in text or "百分之" in text)


def _western(text: str) -> Fraction:
    told = re.sub(r"^([-+])\s", r"\1", text.strip())
    scale = Fraction(1)
    while told[-1] in SCALES:
        scale *= SCALES[told[-1]]
        told = told[:-1].strip()
    sign = -1 if told.startswith("-") else 1
    whole, _, part = told.lstrip("+-").replace(",", "").rpartition(" ")
    upper, _, lower = part.partition("/")
    return sign * scale * (Fraction(whole.strip() or 0) + Fraction(upper) / Fraction(lower or 1))


def _chinese(text: str) -> Fraction:
    sign, told = (-1, text[1:]) if text.startswith("负") else (1, text)
    if told.startswith("百分之"):
        return sign * _chinese(told[3:]) / 100
    lower, parted, upper = told.partition("分之")
    if parted:
        return sign * _chinese(upper) / _chinese(lower)
    whole, _, part = told.partition("点")
    digits = "".join(str(DIGITS[each]) for each in part if each in DIGITS)
    if len(digits) != len(part) or not whole:
        raise ValueError(text)
    return sign * (_whole(whole) + Fraction(int(digits or 0), 10 ** len(digits)))


def _whole(text: str) -> int:
    """三百二十一 by its places; 二〇二六 as digits in a row."""
    if all(sign in DIGITS for sign in text):
        return int("".join(str(DIGITS[sign]) for sign in text))
    total = section = digit = 0
    for sign in text:
        if sign in DIGITS:
            digit = DIGITS[sign]
        elif sign in TENS:
            section, digit = section + (digit or 1) * TENS[sign], 0
        elif MYRIADS.get(sign) == 10**4:
            total, section, digit = total + (section + digit) * 10**4, 0, 0
        elif sign in MYRIADS:  # of all before it: 二万亿
            total, section, digit = (total + section + digit) * 10**8, 0, 0
        else:
            raise ValueError(text)
    return total + section + digit
