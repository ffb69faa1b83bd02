"""What a person says of a source, turned value by value: its format, its encoding, the column of each role. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wizard.view.draft import Told
from wizard.view.reading import Look

FORMAT, ENCODING = "format", "encoding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`name`: format, encoding, or a role; `value`: empty where nothing is read for it."""

    name: str
    value: str
    choices: Sequence[str]
    role: bool = True
    required: bool = False


def entries(look: Look, told: Told) -> list[Entry]:
    report = look.report
    mapping = {**(report.mapping if report else {}), **told.mapping}
    format = told.format or (report.format if report else "")
    encoding = told.encoding or (report.encoding if report else "")
    found = [
        Entry(name=FORMAT, value=format, choices=_with(look.formats, format), role=False),
        Entry(name=ENCODING, value=encoding, choices=_with(look.encodings, encoding), role=False),
    ]
    for role in look.roles:
        named = mapping.get(role.name, "")
        columns = report.keys if role.inside and report else look.columns
        none = () if role.required and named else ("",)
        choices = _with((*none, *columns), named)
        found.append(Entry(name=role.name, value=named, choices=choices, required=role.required))
    return found


def turned(look: Look, told: Told, place: int, by: int) -> Told:
    """The next value of the entry in that place. Another format has other roles, which are looked for anew."""
    entry = entries(look, told)[place]
    if len(entry.choices) < 2:
        return told
    value = entry.choices[(entry.choices.index(entry.value) + by) % len(entry.choices)]
    if not entry.role:
        return Told(format=value, encoding=told.encoding) if entry.name == FORMAT else replace(told, encoding=value)
    report = look.report
    mapping = {**(report.mapping if report else {}), **told.mapping, entry.name: value}
    format = told.format or (report.format if report else look.usual)
    if report and report.kind == "prompt" and entry.name == "answer":
        format = look.usual  # prompts have none: with one they are questions and answers
    return replace(told, format=format, mapping=mapping)


def _with(choices: Sequence[str], value: str) -> Sequence[str]:
    return tuple(choices) if value in choices else (value, *choices)
