"""A judge model behind an OpenAI-compatible URL says which of two answers is better, asked in both orders.

Judges prefer what stands first (Zheng et al., arXiv:2306.05685): only where both orders name the same answer does it
count as better, else the two are tied.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, stdev
from typing import Any

from wizard.contract import Result
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, RunFolder, write_json
from wizard.session.blind import SIDES, answers_in
from wizard.session.comparing import STAGE, VERSION

KEY_VARIABLE, KEY_FILE = "YCDY_JUDGE_KEY", "judge.key"
SECONDS, MOST, LONGEST = 120.0, 50, 2048  # of one answer; rows; tokens of a verdict, with its thoughts
TIE, THOUGHTS = "tie", "</think>"
ASKED = """You compare two answers to the same request. Judge by whether they are right, helpful and to the point, \
not by their length or their order.

[Request]
{asked}
{reference}
[Answer A]
{first}

[Answer B]
{second}

Which answer is better? Reply with one letter alone: A, B, or T for a tie."""
VERDICT = re.compile(r"\b([ABT])\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    url: str  # ends in /v1
    model: str
    key: str = field(repr=False)


def judge_of(told: str, home: Home, environment: Mapping[str, str]) -> Judge:
    """`told`: MODEL@URL. The key stands in the environment or in a file of `secrets/`; without one none is sent."""
    model, at, url = told.partition("@")
    if not (model and at and re.match(r"https?://[^/\s]+", url)):
        raise WizardError("judge-where", found=told)
    file = home.secrets / KEY_FILE
    key = environment.get(KEY_VARIABLE, "") or (file.read_text(encoding="utf-8").strip() if file.is_file() else "")
    return Judge(url=url.rstrip("/"), model=model, key=key)


def asked(judge: Judge, row: Mapping[str, Any], first: str, second: str) -> str:
    """The subject it prefers, or a tie; nothing where no verdict was read."""
    reference = f"\n[A right answer]\n{row['reference']}\n" if row["reference"] else ""
    texts = row["answers"]
    told = ASKED.format(asked=row["asked"], reference=reference, first=texts[first], second=texts[second])
    found = VERDICT.findall(answered(judge, told).rpartition(THOUGHTS)[2])
    return {"A": first, "B": second, "T": TIE}[found[-1]] if found else ""


def answered(judge: Judge, question: str) -> str:
    messages = [{"role": "user", "content": question}]
    body = {"model": judge.model, "temperature": 0, "max_tokens": LONGEST, "messages": messages}
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {judge.key}"} if judge.key else {})
    request = urllib.request.Request(f"{judge.url}/chat/completions", json.dumps(body).encode(), headers)
    try:
        with opener(judge.url).open(request, timeout=SECONDS) as answer:
            return str(json.load(answer)["choices"][0]["message"]["content"] or "")
    except urllib.error.HTTPError as error:
        code = "judge-wrong-key" if error.code in (401, 403) else "judge-refused"
        raise WizardError(code, url=judge.url, status=error.code, exit_code=ExitCode.FAILED) from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise WizardError("judge-silent", url=judge.url, why=why, exit_code=ExitCode.FAILED) from error


def opener(url: str) -> urllib.request.OpenerDirector:
    """This machine itself is asked without the proxy that others are reached by."""
    here = urllib.parse.urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))


def verdicts(judge: Judge, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for place, row in enumerate(rows):
        orders = [asked(judge, row, *order) for order in (SIDES, SIDES[::-1])]
        yield {"row": place, "orders": orders, "better": orders[0] if orders[0] == orders[1] else TIE}


def judged(folder: RunFolder, judge: Judge, tell: Callable[[int, int], None]) -> Result:
    """Kept as judged.json beside the report. `tell`: how many rows of how many."""
    rows = answers_in(folder)[:MOST]
    found = []
    for each in verdicts(judge, rows):
        found.append(each)
        tell(len(found), len(rows))
    result = result_of(judge, found)
    kept = {"version": VERSION, "run": folder.name, "results": [asdict(result)], "verdicts": found}
    write_json(folder.stage(STAGE).path / "judged.json", kept)
    return result


def result_of(judge: Judge, found: Sequence[Mapping[str, Any]]) -> Result:
    """How often the trained one is better, a tie as half; where both orders disagreed is counted too."""
    read = [each for each in found if all(each["orders"])]
    if not read:
        raise WizardError("judge-says-nothing", url=judge.url, rows=len(found), exit_code=ExitCode.FAILED)
    points = [{"tuned": 1.0, "base": 0.0}.get(each["better"], 0.5) for each in read]
    torn = sum(len(set(each["orders"])) > 1 for each in read)
    return Result(
        subject="tuned",
        measure="win_rate",
        value=fmean(points),
        n=len(points),
        direction="up",
        source="judge",
        stderr=stdev(points) / len(points) ** 0.5 if len(points) > 1 else None,
        settings={"judge": judge.model, "orders": 2, "disagreed": torn, "unread": len(found) - len(read)},
    )
