"""A Choice becomes a Plan; a Plan becomes one commented TOML that replays without a question."""

from wizard.plan.compile import compile_plan, run_id
from wizard.plan.read import from_toml
from wizard.plan.rows import filled_rows
from wizard.plan.write import to_toml

__all__ = ["compile_plan", "filled_rows", "from_toml", "run_id", "to_toml"]
