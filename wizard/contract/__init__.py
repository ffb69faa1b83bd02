"""The frozen values that rooms hand to one another. Units are in the names; everything computed is bytes."""

from wizard.contract.catalogue import (
    Architecture,
    Catalog,
    Dataset,
    Engine,
    Format,
    Knobs,
    Method,
    Model,
    Needs,
    Reader,
    Recipe,
    Source,
    Text,
    Tower,
)
from wizard.contract.datasets import HELD_BACK, DataChoice, DataReport, DataSource, Line, Measure, Rejected, Role
from wizard.contract.happenings import Metric, Note, RunState, RunStatus, StageState, StageStatus
from wizard.contract.kernels import ADALORA_WIDER, FLASH_WIDEST, MOST_OF_A_CARD, SERVED_TOKENS, share_of_card
from wizard.contract.machine import Board, Cpu, Disk, Gpu, GpuUser, Machine
from wizard.contract.pictures import Thumbnail
from wizard.contract.plans import Choice, Environment, OtherAdapter, Plan, Stage, StageName
from wizard.contract.problem import Problem
from wizard.contract.rehearsals import MEMORY_KNOBS, Rehearsal
from wizard.contract.verdicts import Basis, FitStatus, Remedy, Term, Verdict

__all__ = [
    "ADALORA_WIDER",
    "FLASH_WIDEST",
    "HELD_BACK",
    "MEMORY_KNOBS",
    "MOST_OF_A_CARD",
    "SERVED_TOKENS",
    "Architecture",
    "Basis",
    "Board",
    "Catalog",
    "Choice",
    "Cpu",
    "DataChoice",
    "DataReport",
    "DataSource",
    "Dataset",
    "Disk",
    "Engine",
    "Environment",
    "FitStatus",
    "Format",
    "Gpu",
    "GpuUser",
    "Knobs",
    "Line",
    "Machine",
    "Measure",
    "Method",
    "Metric",
    "Model",
    "Needs",
    "Note",
    "OtherAdapter",
    "Plan",
    "Problem",
    "Reader",
    "Recipe",
    "Rehearsal",
    "Rejected",
    "Remedy",
    "Role",
    "RunState",
    "RunStatus",
    "Source",
    "Stage",
    "StageName",
    "StageState",
    "StageStatus",
    "Term",
    "Text",
    "Thumbnail",
    "Tower",
    "Verdict",
    "share_of_card",
]
