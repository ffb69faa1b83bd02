"""Files and what is in them as numbered rows: shared by the screen (through `readers`) and the prepare stage."""

from wizard.data.files.identity import identity_of
from wizard.data.files.listing import Listing, listing, listing_of
from wizard.data.files.mixing import open_sources
from wizard.data.files.rows import rows, rows_of
from wizard.data.files.source import Source, open_source
from wizard.data.files.tree import Tree

__all__ = [
    "Listing",
    "Source",
    "Tree",
    "identity_of",
    "listing",
    "listing_of",
    "open_source",
    "open_sources",
    "rows",
    "rows_of",
]
