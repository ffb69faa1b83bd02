"""The screen on which a served model is opened to others."""

import fake_moments as moments
import pytest
from fake_desk import FakeDesk
from fake_fronts import KEY
from fake_values import RUN
from person import Person, sitting_at

from wizard import words
from wizard.errors import WizardError


@pytest.fixture
def served(desk: FakeDesk) -> FakeDesk:
    desk.moment = moments.SERVING
    return desk


async def reach_expose(person: Person) -> None:
    await person.be_at("Done", "Who are you?", "Talk to it")
    await person.press("escape", "x")
    await person.be_at("ExposeScreen", "Enter open", "first")


async def test_enter_alone_opens_it_to_private_networks_with_tls_and_shows_the_first_key(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_expose(person)
        await person.see("answers on this machine alone")
        assert person.asked("open_front") == []
        await person.press("enter")
        await person.see("is open at https://192.168.1.20:8443/v1", "private networks", KEY, "Enter change")
        assert person.asked("asked") == [("0.0.0.0:8443", ("private",), "self-signed")]
        assert person.asked("add_key") == [("first",)]


async def test_the_key_is_shown_once(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_expose(person)
        await person.press("enter")
        await person.see(KEY)
        await person.press("f2")
        await person.see("只显示这一次", KEY)
        words.use("en")
        await person.press("escape")
        await person.be_at("Done")
        await person.press("x")
        await person.be_at("ExposeScreen", "Keys: first")
        assert KEY not in person.sight


async def test_open_to_all_without_tls_is_said_to_be_so(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN, size=(100, 45)) as person:
        await reach_expose(person)
        await person.press("down")
        for _ in "private":
            await person.press("backspace")
        await person.type("all")
        await person.press("down", "left", "enter")
        await person.see("everybody who has a key", "open to every address", "has no TLS")
        assert person.asked("asked")[-1] == ("0.0.0.0:8443", ("all",), "off")


async def test_ones_own_certificate_is_asked_for_where_it_is_chosen(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_expose(person)
        assert "Files" not in person.sight
        await person.press("down", "down", "right")
        await person.see("Files")
        await person.press("down")
        await person.type("/c.pem,/k.pem")
        await person.press("enter")
        await person.wait_until(lambda: bool(person.asked("asked")))
        assert person.asked("asked")[-1][2] == "/c.pem,/k.pem"


async def test_what_stands_in_the_way_is_explained_and_the_answers_stay(served: FakeDesk) -> None:
    served.failing["asked"] = WizardError("front-port-taken", host="0.0.0.0", port=8443)
    async with sitting_at(served, attach=RUN) as person:
        await reach_expose(person)
        await person.press("enter")
        await person.be_at("ProblemScreen", "Port 8443", "taken")
        await person.press("escape")
        await person.be_at("ExposeScreen", "0.0.0.0:8443", "Enter open")
        assert person.asked("add_key") == []


async def test_nginx_is_installed_only_by_an_enter_that_says_so(served: FakeDesk) -> None:
    served.fronts.command = "apt-get install nginx-light"
    async with sitting_at(served, attach=RUN) as person:
        await reach_expose(person)
        await person.see("nginx is not here. Enter installs it first: apt-get install nginx-light")
        assert person.asked("install") == []
        await person.press("enter")
        await person.see("is open at")
        assert len(person.asked("install")) == 1


async def test_it_is_closed_and_more_keys_are_made(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_expose(person)
        await person.press("enter")
        await person.see(KEY)
        person.window.screen.query_one("#key-name").value = "bob"  # type: ignore[attr-defined]
        await person.press("f5")
        await person.see("The key of bob", "Keys: first, bob")
        await person.press("f6")
        await person.see("Enter open")
        assert person.asked("close_front") == [(RUN,)]
