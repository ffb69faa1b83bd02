"""The desk: the only thing the front ends talk to. It joins the rooms, which do not know one another."""

from wizard.fit import Serving
from wizard.session.amount import ASSUMED
from wizard.session.chat import Endpoint
from wizard.session.desk import Desk
from wizard.session.estimating import Estimate
from wizard.session.far import FAR
from wizard.session.onward import Onward
from wizard.session.outcome import Outcome
from wizard.session.remarks import ASIDE, bars, longer, mostly_lost, quantile, reasons, remarks, split, unlearnt
from wizard.session.report import as_data
from wizard.session.smaller import Smaller
from wizard.session.steps import STEPS, goals
from wizard.session.ways import leading_first, leads, one_a_model, way

__all__ = [
    "ASIDE",
    "ASSUMED",
    "FAR",
    "STEPS",
    "Desk",
    "Endpoint",
    "Estimate",
    "Onward",
    "Outcome",
    "Serving",
    "Smaller",
    "as_data",
    "bars",
    "goals",
    "leading_first",
    "leads",
    "longer",
    "mostly_lost",
    "one_a_model",
    "quantile",
    "reasons",
    "remarks",
    "split",
    "unlearnt",
    "way",
]
