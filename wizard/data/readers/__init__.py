"""Data sources for the screen and the command: recognised, counted, and rendered as the model will read them."""

from wizard.data.readers.files import files_of, sha256_of
from wizard.data.readers.inspecting import inspect
from wizard.data.readers.lengths import estimated
from wizard.data.readers.llamafactory import resolved
from wizard.data.readers.naming import hub_of, named
from wizard.data.readers.pasted import inspect_text, keep_text, suffix_for
from wizard.data.readers.rendering import render, render_all
from wizard.data.readers.templates import template_of

__all__ = [
    "estimated",
    "files_of",
    "hub_of",
    "inspect",
    "inspect_text",
    "keep_text",
    "named",
    "render",
    "render_all",
    "resolved",
    "sha256_of",
    "suffix_for",
    "template_of",
]
