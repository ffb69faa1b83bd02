"""What fits a machine: the laws of memory, time and disk, and the offers that follow from them."""

from wizard.fit.correct import Known
from wizard.fit.engines import accelerator, reasons_engine_cannot_run
from wizard.fit.judge import judge
from wizard.fit.offers import offers

__all__ = ["Known", "accelerator", "judge", "offers", "reasons_engine_cannot_run"]
