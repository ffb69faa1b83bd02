"""The parts that screens are made of."""

from wizard.view.widgets.banner import Banner
from wizard.view.widgets.keys import Key, Keys
from wizard.view.widgets.listing import Listing
from wizard.view.widgets.pick import Pick
from wizard.view.widgets.plain import PlainStatic

__all__ = ["Banner", "Key", "Keys", "Listing", "Pick", "PlainStatic"]
