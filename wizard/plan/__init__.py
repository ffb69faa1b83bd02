"""A Choice becomes a Plan; a Plan becomes one commented TOML that replays without a question."""

from wizard.plan.clusters import FORMS, job_of
from wizard.plan.compile import compile_plan, run_id
from wizard.plan.environments import environment, environment_id, environment_mark
from wizard.plan.names import id_of
from wizard.plan.read import LEAST, MOST, from_toml
from wizard.plan.rows import filled_rows
from wizard.plan.specs import sources_of
from wizard.plan.write import to_toml, value

__all__ = [
    "FORMS",
    "LEAST",
    "MOST",
    "compile_plan",
    "environment",
    "environment_id",
    "environment_mark",
    "filled_rows",
    "from_toml",
    "id_of",
    "job_of",
    "run_id",
    "sources_of",
    "to_toml",
    "value",
]
