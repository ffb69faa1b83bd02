from dataclasses import replace

import fake_moments as moments
from fake_desk import FakeDesk
from fake_values import RUN
from person import sitting_at

from wizard.contract import Problem
from wizard.errors import WizardError
from wizard.view.widgets.stages import StageList


async def test_it_shows_stages_pace_gauges_and_the_forecast_beside_what_is_measured(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.see(
            "[v] fetch", "[>] train", "[ ] serve", "41/60", "loss 0.6", "ETA", "96 %", "1.4 (forecast 1.6 GiB)",
            "tokens/s", "lr 0.00066", "checkpoint 40, 12 s ago",
        )  # fmt: skip


async def test_a_card_has_its_own_gauges(gpu_desk: FakeDesk) -> None:
    meter = {"gpu0_percent": 97.0, "gpu0_celsius": 71.0, "gpu0_watts": 318.0, "gpu0_used_bytes": 10.1 * 1024**3}
    gpu_desk.moment = replace(moments.TRAINING, meter=meter)
    async with sitting_at(gpu_desk, attach=RUN) as person:
        await person.see("GPU", "97 %  71 C  318 W", "10.1 (forecast 9.8 GiB)")


async def test_environments_being_built_are_counted(desk: FakeDesk) -> None:
    desk.moment = moments.BUILDING
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("[~] fetch", "installing packages  31 / 58")


async def test_q_detaches_and_says_how_to_come_back(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("41/60")
        await person.press("q")
        await person.wait_until(lambda: person.window.return_value == 0)
        assert f"yichuidingyin attach {RUN}" in "".join(str(r) for r in person.window._exit_renderables)
        assert person.asked("stop") == []


async def test_stopping_asks_and_enter_means_no(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("41/60")
        await person.press("s")
        await person.be_at("Confirm", "Stop " + RUN)
        await person.press("enter")
        await person.be_at("WatchScreen")
        assert person.asked("stop") == []
        await person.press("s")
        await person.be_at("Confirm")
        await person.press("down", "enter")
        await person.wait_until(lambda: person.asked("stop") == [(RUN, True)])
        await person.see("It stops after the next checkpoint")


async def test_it_moves_on_to_done_by_itself(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("WatchScreen", "41/60")
        desk.moment = moments.SERVING
        await person.be_at("Done", "Who are you?")


async def test_a_failure_is_explained_and_enter_goes_on(desk: FakeDesk) -> None:
    desk.moment = moments.FAILED
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("ProblemScreen", "train: stopped at step 41", "go on with micro-batch 1", "log.txt")
        await person.press("enter")
        await person.be_at("WatchScreen", "41/60")
        assert person.asked("resume") == [(RUN, {"micro_batch": 1})]


async def test_a_rehearsal_that_does_not_fit_offers_its_rung_and_enter_takes_it(desk: FakeDesk) -> None:
    desk.moment = moments.TOO_LARGE
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("ProblemScreen", "Go on with micro_batch=2", "Enter go on with less")
        await person.press("enter")
        await person.be_at("WatchScreen")
        assert person.asked("resume") == [(RUN, {"micro_batch": 2, "accumulate": 4})]


async def test_a_server_whose_port_is_taken_goes_on_at_another(desk: FakeDesk) -> None:
    taken = Problem(code="port-in-use", params={"port": 8000, "run": RUN})
    desk.moment = replace(moments.FAILED, problem=taken)
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("ProblemScreen", "Enter go on at another port")
        await person.press("enter")
        await person.wait_until(lambda: person.asked("resume") == [(RUN, {"port": 0})])


async def test_a_failure_can_be_looked_past_and_back_at(desk: FakeDesk) -> None:
    desk.moment = moments.FAILED
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("ProblemScreen")
        await person.press("escape")
        await person.be_at("WatchScreen", "[x] train", "go on")
        await person.press("d")
        await person.be_at("ProblemScreen")


async def test_a_stopped_run_goes_on_with_enter(desk: FakeDesk) -> None:
    desk.moment = moments.STOPPED
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("WatchScreen", "[-] train", "Enter go on")
        await person.press("enter")
        await person.wait_until(lambda: person.asked("resume") == [(RUN, {})])


async def test_the_log_is_filtered_and_the_full_one_is_a_key_away(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("from its last checkpoint", "ran out of memory")
        await person.press("slash")
        await person.type("memory")
        await person.wait_until(lambda: "from its last checkpoint" not in person.sight)
        await person.see("only lines with", "Enter keep it")
        await person.press("enter")
        await person.see("only lines with memory", "Esc runs")
        await person.press("escape")
        await person.see("from its last checkpoint")
        assert person.screen == "WatchScreen" and "only lines" not in person.sight
        await person.press("f")
        await person.see("loading the base model", "step 40 loss 0.61")


async def test_p_goes_through_the_curves(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("loss 0.6", "best")
        await person.press("p")
        await person.see("lr 0.0006")
        await person.press("p", "p")
        await person.see("tokens/s 40")


async def test_where_answers_are_rewarded_the_reward_leads(desk: FakeDesk) -> None:
    rewarded = {**moments.TRAINING.latest, "loss": 0.0, "reward": 0.75, "kl": 0.01}
    desk.moment = replace(moments.TRAINING, latest=rewarded)
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("reward 0.75")
        await person.press("p")
        await person.see("loss 0.000")
        await person.press("p")
        await person.see("KL 0.01")


async def test_p_before_the_first_step_does_not_decide_which_curve_leads(desk: FakeDesk) -> None:
    desk.moment = replace(moments.TRAINING, latest={})
    async with sitting_at(desk, attach=RUN) as person:
        await person.press("p")
        desk.moment = replace(moments.TRAINING, latest={**moments.TRAINING.latest, "reward": 0.75})
        await person.see("reward 0.75")


async def test_of_one_step_alone_no_curve_is_promised(desk: FakeDesk) -> None:
    desk.moment = replace(moments.TRAINING, series=moments.series(1))
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("starts with the second step")
        desk.moment = replace(desk.moment, stage="merge")
        await person.see("One step alone")
        assert "second step" not in person.sight


async def test_a_run_that_cannot_be_read_is_told(desk: FakeDesk) -> None:
    def unreadable(run: str) -> object:
        raise WizardError("plan-unreadable", path="/x/plan.json", error="odd")

    desk.plan_of = unreadable  # type: ignore[assignment,method-assign]
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("ProblemScreen", "/x/plan.json cannot be read")


async def test_esc_goes_to_the_list_of_runs_and_the_run_goes_on(desk: FakeDesk) -> None:
    desk.here = moments.HERE[::-1]
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("41/60", "Esc runs")
        await person.press("escape")
        await person.be_at("Runs", RUN)
        assert person.asked("stop") == []
        await person.press("enter")
        await person.be_at("WatchScreen", RUN)


async def test_a_run_that_was_stopped_offers_no_details(desk: FakeDesk) -> None:
    desk.moment = moments.STOPPED
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("WatchScreen", "[-] train", "Enter go on")
        assert "details" not in person.sight


async def test_while_merging_nothing_of_the_training_passes_for_now(desk: FakeDesk) -> None:
    desk.moment = moments.MERGING
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("[>] merge", "1.4 (forecast 1.3 GiB)", "training  loss 0.5")
        assert "tokens/s" not in person.sight and "lr" not in person.sight and "checkpoint 40" not in person.sight


async def test_the_log_is_read_as_soon_as_it_is_asked_for(desk: FakeDesk) -> None:
    desk.may_read.clear()
    async with sitting_at(desk, attach=RUN) as person:
        await person.see("41/60")
        await person.press("f")
        await person.see("Reading the log")
        assert "Nothing to tell" not in person.sight
        desk.may_read.set()
        await person.see("loading the base model")


async def test_what_has_not_changed_is_not_drawn_again(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("WatchScreen", "41/60")
        stages, drawn = person.window.screen.query_one(StageList), []
        stages.refresh = lambda *_, **__: drawn.append(1) or stages  # type: ignore[method-assign, func-returns-value]
        stages.tell(desk.moment.stages)
        assert drawn == []
        stages.tell(desk.moment.stages[:2])
        assert drawn == [1]
