from fake_desk import FakeDesk
from fake_moments import GATED, REFUSED
from fake_values import RUN
from person import sitting_at

from wizard.errors import WizardError

TOKEN = "hf_secret-token"


async def test_a_run_that_is_refused_goes_on_with_the_token_that_is_pasted_unseen(desk: FakeDesk) -> None:
    desk.moment = GATED
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("ProblemScreen", "Enter give a token")
        await person.press("enter")
        await person.be_at("TokenScreen", "https://huggingface.co/org/tiny", "https://huggingface.co/settings/tokens")
        await person.type(TOKEN)
        assert TOKEN not in person.sight
        await person.press("enter")
        await person.be_at("WatchScreen", "41/60")
        assert person.asked("keep_token") == [("huggingface", TOKEN)]
        assert person.asked("resume") == [(RUN, {})]


async def test_esc_gives_none(desk: FakeDesk) -> None:
    desk.moment = GATED
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("ProblemScreen")
        await person.press("enter")
        await person.be_at("TokenScreen")
        await person.press("escape")
        await person.be_at("ProblemScreen")
        assert person.asked("keep_token") == person.asked("resume") == []


async def test_the_id_of_a_hub_is_asked_for_from_the_search_and_again_with_a_token(gpu_desk: FakeDesk) -> None:
    gpu_desk.failing["named"] = WizardError(REFUSED.code, **REFUSED.params)
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("slash")
        await person.type("org/tiny")
        await person.see("Enter asks the hubs")
        await person.press("enter")
        await person.be_at("ProblemScreen", "Enter give a token")
        await person.press("enter")
        await person.be_at("TokenScreen")
        await person.type(TOKEN)
        await person.press("enter")
        await person.be_at("RecipeStep")
        await person.press("enter")
        await person.wait_until(lambda: person.asked("named") == [("org/tiny",)] * 2)
