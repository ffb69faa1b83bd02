from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wizard.contract import Verdict
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.session import Desk, hubs

SILENT = {"modelscope": None, "huggingface": None}
BUNDLED, DOWNLOADED = "smollm2-135m", "smollm2-360m"
Answering = Callable[[dict[str, float | None]], None]


@pytest.fixture
def here(home: Home) -> Desk:
    """On the machine that the board `cpu` stands for, as if it were this one."""
    home.root.mkdir()
    desk = Desk(home)
    desk._machine = replace(Desk(home, pretend="cpu").machine(), pretend=None)
    return desk


@pytest.fixture
def answering(here: Desk, monkeypatch: pytest.MonkeyPatch) -> Answering:
    """The hubs are asked and answer so."""

    def ask(seconds: dict[str, float | None]) -> None:
        monkeypatch.setattr(hubs, "reached", lambda _: seconds)
        here.hubs()

    return ask


def first(desk: Desk) -> Verdict:
    return desk.offers("sft")[0]


def fetch(desk: Desk, model: str) -> None:
    (desk.home.models / model).mkdir(parents=True)
    (desk.home.models / model / "fetched.json").write_text("{}")


def test_hubs_that_were_not_asked_are_taken_to_answer(here: Desk) -> None:
    assert (first(here).model, first(here).recommended) == (DOWNLOADED, True)
    assert not any(verdict.needs_hub for verdict in here.offers())


def test_without_a_hub_what_is_bundled_is_recommended_and_the_rest_is_marked(here: Desk, answering: Answering) -> None:
    answering(SILENT)
    fitting = [verdict for verdict in here.offers("sft") if verdict.status != "no"]
    assert [(v.model, v.recommended, v.needs_hub) for v in fitting] == [
        (BUNDLED, True, False),
        (DOWNLOADED, False, True),
    ]
    assert here.best("sft").model == BUNDLED
    assert here.judge("sft-lora-cpu", DOWNLOADED).needs_hub


def test_downloads_that_are_switched_off_are_no_hub(here: Desk, answering: Answering) -> None:
    answering({})
    assert first(here).model == BUNDLED


def test_one_hub_that_has_the_model_is_enough(here: Desk, answering: Answering) -> None:
    answering({"modelscope": 0.3, "huggingface": None})
    assert first(here).model == DOWNLOADED


def test_a_model_that_is_here_needs_no_hub(here: Desk, answering: Answering) -> None:
    fetch(here, DOWNLOADED)
    answering(SILENT)
    assert first(here).model == DOWNLOADED


def test_what_was_judged_before_the_hubs_were_asked_is_put_in_order_again(here: Desk, answering: Answering) -> None:
    judged = here.offers()
    answering(SILENT)
    assert here.within_reach(judged) == here.offers()


def test_the_plan_warns_of_a_download_that_cannot_be(here: Desk, answering: Answering) -> None:
    choice = here.choose(here.judge("sft-lora-cpu", DOWNLOADED), here.bundled_choice("identity"))
    assert here.warnings(here.plan(choice)) == ()
    answering(SILENT)
    (warning,) = here.warnings(here.plan(choice))
    assert warning.code == "model-out-of-reach"


def test_where_nothing_that_fits_is_in_reach_the_reason_is_the_hub(here: Desk, answering: Answering) -> None:
    answering(SILENT)
    only = [verdict for verdict in here.offers("sft") if verdict.model != BUNDLED]
    here.offers = lambda *_, **__: here.within_reach(only)  # type: ignore[method-assign]
    with pytest.raises(WizardError) as caught:
        here.best("sft")
    assert caught.value.problem.code == "nothing-in-reach"


def test_a_machine_that_is_pretended_may_have_a_network(here: Desk, answering: Answering) -> None:
    answering(SILENT)
    here.pretend = "cpu"
    assert first(here).model == DOWNLOADED
