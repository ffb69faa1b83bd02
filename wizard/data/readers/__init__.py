"""Data sources for the screen and the command: recognised, counted, and rendered as the model will read them."""

from wizard.data.readers.files import files_of, identity_of
from wizard.data.readers.forms import ENCODINGS, columns, formats, roles
from wizard.data.readers.inspecting import inspect
from wizard.data.readers.language import language_of, scripts
from wizard.data.readers.lengths import as_talk, estimated
from wizard.data.readers.llamafactory import resolved
from wizard.data.readers.naming import hub_of, named, several
from wizard.data.readers.pasted import inspect_text, keep_text
from wizard.data.readers.previews import previews
from wizard.data.readers.rendering import Talk, Template
from wizard.data.readers.talks import talks
from wizard.data.readers.templates import template_of

__all__ = [
    "ENCODINGS",
    "Talk",
    "Template",
    "as_talk",
    "columns",
    "estimated",
    "files_of",
    "formats",
    "hub_of",
    "identity_of",
    "inspect",
    "inspect_text",
    "keep_text",
    "language_of",
    "named",
    "previews",
    "resolved",
    "roles",
    "scripts",
    "several",
    "talks",
    "template_of",
]
