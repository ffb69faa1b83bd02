"""Models by name: what is here, what can be had, and how any other becomes one of the catalogue."""

from wizard.session.models.adopting import Added
from wizard.session.models.models import Models, Shown
from wizard.session.models.searching import Found
from wizard.session.models.shelf import Held
from wizard.session.models.shelf import of as held_of
from wizard.session.models.tokens import Wanted

__all__ = ["Added", "Found", "Held", "Models", "Shown", "Wanted", "held_of"]
