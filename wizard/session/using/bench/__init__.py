"""How fast a served model is for so many users at once, and how many it should be given."""

from wizard.session.using.bench.advising import BOUND, beyond
from wizard.session.using.bench.figures import Level, Sweep
from wizard.session.using.bench.sweeping import USERS, Wanted, bench

__all__ = ["BOUND", "USERS", "Level", "Sweep", "Wanted", "bench", "beyond"]
