"""What Enter takes, and where nothing fits, what the nearest lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wizard.contract import Catalog, Verdict
from wizard.errors import ExitCode, WizardError


def best(verdicts: Sequence[Verdict], catalog: Catalog, task: str, explained: Callable[[Verdict], Verdict]) -> Verdict:
    """The first that fits and can be had of verdicts that come best first. `explained`: what would help a `no`."""
    fitting = [verdict for verdict in verdicts if verdict.status != "no"]
    if found := next((verdict for verdict in fitting if not verdict.needs_hub), None):
        return found
    if not verdicts:
        raise WizardError("no-offers", asked=task)
    if fitting:
        raise WizardError("nothing-in-reach", task=task, exit_code=ExitCode.NOTHING_FITS)
    raise nothing_fits(explained(verdicts[0]), catalog)


def nothing_fits(nearest: Verdict, catalog: Catalog) -> WizardError:
    told = [{"code": way.code, "params": dict(way.params)} for way in nearest.remedies]
    reason = {"code": nearest.reason.code, "params": dict(nearest.reason.params)} if nearest.reason else {}
    return WizardError(
        "nothing-fits",
        exit_code=ExitCode.NOTHING_FITS,
        task=nearest.task,
        model=catalog.models[nearest.model].title,
        reason=reason,
        remedies=told,
    )
