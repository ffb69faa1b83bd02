"""The Modelfile by which Ollama takes up a .gguf file (docs.ollama.com/modelfile), with the template of the training.

Ollama templates are Go's, a model's is Jinja's. What stands before and after what each role says is found by writing
a few talks with the model's own template; what so comes out is held against more talks, letter by letter. A template
that is not made so, with dates or thoughts that come and go, gets no TEMPLATE line: Ollama then looks at the one in
the file, and takes what it knows to be nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from wizard.stages.prompts import ends_of
from wizard.stages.template import Talker

SAID = {"system": "\x01s\x01", "user": "\x01u\x01", "assistant": "\x01a\x01"}  # in no template
Message = Mapping[str, str]


@dataclass(frozen=True)
class Pieces:
    start: str  # of a talk without a system's turn: what the template itself says there
    around: Mapping[str, tuple[str, str]]  # role -> before and after what it says
    answer: str  # before what the model writes


def write(folder: Path, file: Path, source: Path) -> None:
    talker = Talker(source)
    pieces = pieces_of(talker) if talker.source else None
    lines = [f"FROM ./{file.name}"]
    if pieces:
        lines.append(f'TEMPLATE """{go(pieces)}"""')
    else:
        lines.append(
            "# No TEMPLATE: the model's own is not one that can be written out here; Ollama takes the nearest it knows."
        )
    stops = [talker.tokenizer.id_to_token(end) for end in ends_of(talker)] if talker.source else []
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    (folder / "Modelfile").write_text("\n".join(lines) + "\n", encoding="utf-8")


def pieces_of(talker: Talker) -> Pieces | None:
    """None where the template is more than pieces around what is said."""
    try:
        found = cut(talker)
        if found is None or '"""' in go(found):
            return None
        known = [talk for talk in TALKS if "system" in found.around or talk[0]["role"] != "system"]
        if any(written(talker, talk) != told(found, talk) for talk in known):
            return None
    except (jinja2.TemplateError, ValueError):
        return None
    begin = talker.special.get("bos_token", "")
    return without(found, begin) if begin and begins_itself(talker) else found


def cut(talker: Talker) -> Pieces | None:
    """ValueError where the template does not write what was said."""
    user, reply = turn("user"), turn("assistant")
    asked = written(talker, [user], prompt=False)
    one, longer = written(talker, [user]), written(talker, [user, reply, user])
    start_user, after_user = asked.split(SAID["user"])
    first, second = longer.split(SAID["assistant"])
    between = second.split(SAID["user"])[0]
    if not (one.startswith(asked) and first.startswith(asked)):
        return None
    own = start_user.removeprefix(talker.special.get("bos_token", ""))
    before_user = behind_another(talker, after_user) or shared_end(own, between)
    around = {
        "user": (before_user, after_user),
        "assistant": (first.removeprefix(asked), between.removesuffix(before_user)),
    }
    if found := around_system(talker, before_user):
        around["system"] = found
    return Pieces(start_user.removesuffix(before_user), around, one.removeprefix(asked))


def behind_another(talker: Talker, after_user: str) -> str:
    """What stands before a user's turn that follows a user's; many templates refuse that."""
    try:
        between = written(talker, [turn("user"), turn("user")], prompt=False).split(SAID["user"])[1]
    except jinja2.TemplateError:
        return ""
    return between.removeprefix(after_user)


def around_system(talker: Talker, before_user: str) -> tuple[str, str] | None:
    """None where the template takes no system's turn."""
    try:
        before, rest = written(talker, [turn("system"), turn("user")], prompt=False).split(SAID["system"])
    except (jinja2.TemplateError, ValueError):
        return None
    return before, rest.split(SAID["user"])[0].removesuffix(before_user)


def shared_end(one: str, other: str) -> str:
    count = 0
    while count < min(len(one), len(other)) and one[-count - 1] == other[-count - 1]:
        count += 1
    return one[len(one) - count :]


def turn(role: str, said: str = "") -> Message:
    return {"role": role, "content": said or SAID[role]}


TALKS: Sequence[Sequence[Message]] = (
    [turn("user", "Hello")],
    [turn("user", "One"), turn("assistant", "Two"), turn("user", "Three")],
    [turn("system", "Be brief"), turn("user", "One"), turn("assistant", "Two"), turn("user", "Three")],
)


def written(talker: Talker, talk: Sequence[Message], prompt: bool = True) -> str:
    return talker.text(talk, prompt=prompt)


def told(pieces: Pieces, talk: Sequence[Message]) -> str:
    """What Ollama makes of a talk by the template below."""
    texts = ["" if talk[0]["role"] == "system" else pieces.start]
    for each in talk:
        before, after = pieces.around[each["role"]]
        texts += [before, each["content"], after]
    return "".join([*texts, pieces.answer])


def go(pieces: Pieces) -> str:
    """The same in Go's language."""
    start = quoted(pieces.start)
    if start and "system" in pieces.around:
        start = f"{{{{ if not .System }}}}{start}{{{{ end }}}}"
    parts = [
        f'{{{{ {"else if" if number else "if"} eq .Role "{role}" }}}}{quoted(before)}{{{{ .Content }}}}{quoted(after)}'
        for number, (role, (before, after)) in enumerate(pieces.around.items())
    ]
    return f"{start}{{{{ range .Messages }}}}{''.join(parts)}{{{{ end }}}}{{{{ end }}}}{quoted(pieces.answer)}"


def quoted(text: str) -> str:
    return text.replace("{{", '{{ "{{" }}')


def begins_itself(talker: Talker) -> bool:
    """The tokenizer puts the model's first token before a text, and so does Ollama."""
    first = talker.tokenizer.token_to_id(talker.special.get("bos_token", ""))
    return first is not None and list(talker.tokenizer.encode("a").ids[:1]) == [first]


def without(pieces: Pieces, begin: str) -> Pieces:
    around = dict(pieces.around)
    if "system" in around:
        around["system"] = (around["system"][0].removeprefix(begin), around["system"][1])
    return Pieces(pieces.start.removeprefix(begin), around, pieces.answer)
