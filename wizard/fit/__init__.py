"""What fits a machine: the laws of memory, time and disk, and the offers that follow from them."""

from wizard.fit.asking.cases import architecture_in, params_in, step_for
from wizard.fit.asking.estimates import Beside, answer, beside, estimated, terms_told, told, witnessed
from wizard.fit.asking.orders import config_of, order_of
from wizard.fit.asking.spellings import nearest
from wizard.fit.memory.engine import Serving, served
from wizard.fit.memory.forms import recall, recorded
from wizard.fit.memory.law import GIB, Peak
from wizard.fit.memory.step import Step, digest_of
from wizard.fit.offering.cards import alone, only
from wizard.fit.offering.correct import Known
from wizard.fit.offering.engines import (
    accelerator,
    capability,
    python_for,
    reason_engine_cannot_serve,
    reasons_engine_cannot_run,
)
from wizard.fit.offering.fewer import group_of, saved_bytes, whole_blocks, written_bytes
from wizard.fit.offering.judge import judge
from wizard.fit.offering.mending import CARDS_GIB, USABLE
from wizard.fit.offering.offers import offers
from wizard.fit.offering.plain import PLAIN, leads, order
from wizard.fit.offering.rooms import longest, room_for
from wizard.fit.offering.work import ASSUMED_ROW_TOKENS, ASSUMED_ROWS, draft_bytes, served_bytes
from wizard.fit.reading.configs import longest_of, outline_of, read_as
from wizard.fit.reading.quantised import held_in

__all__ = [
    "ASSUMED_ROWS",
    "ASSUMED_ROW_TOKENS",
    "CARDS_GIB",
    "GIB",
    "PLAIN",
    "USABLE",
    "Beside",
    "Known",
    "Peak",
    "Serving",
    "Step",
    "accelerator",
    "alone",
    "answer",
    "architecture_in",
    "beside",
    "capability",
    "config_of",
    "digest_of",
    "draft_bytes",
    "estimated",
    "group_of",
    "held_in",
    "judge",
    "leads",
    "longest",
    "longest_of",
    "nearest",
    "offers",
    "only",
    "order",
    "order_of",
    "outline_of",
    "params_in",
    "python_for",
    "read_as",
    "reason_engine_cannot_serve",
    "reasons_engine_cannot_run",
    "recall",
    "recorded",
    "room_for",
    "saved_bytes",
    "served",
    "served_bytes",
    "step_for",
    "terms_told",
    "told",
    "whole_blocks",
    "witnessed",
    "written_bytes",
]
