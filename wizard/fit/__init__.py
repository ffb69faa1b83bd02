"""What fits a machine: the laws of memory, time and disk, and the offers that follow from them."""

from wizard.fit.cases import architecture_in, longest_of, params_in, step_for
from wizard.fit.configs import outline_of
from wizard.fit.correct import Known
from wizard.fit.engines import accelerator, python_for, reasons_engine_cannot_run
from wizard.fit.estimates import Beside, answer, beside, estimated, told, witnessed
from wizard.fit.judge import judge
from wizard.fit.law import GIB, Peak
from wizard.fit.offers import offers
from wizard.fit.orders import config_of, order_of
from wizard.fit.remedies import CARDS_GIB, USABLE
from wizard.fit.spellings import nearest
from wizard.fit.step import Step, digest_of

__all__ = [
    "CARDS_GIB",
    "GIB",
    "USABLE",
    "Beside",
    "Known",
    "Peak",
    "Step",
    "accelerator",
    "answer",
    "architecture_in",
    "beside",
    "config_of",
    "digest_of",
    "estimated",
    "judge",
    "longest_of",
    "nearest",
    "offers",
    "order_of",
    "outline_of",
    "params_in",
    "python_for",
    "reasons_engine_cannot_run",
    "step_for",
    "told",
    "witnessed",
]
