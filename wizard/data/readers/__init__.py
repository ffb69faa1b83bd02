"""Data sources for the screen and the command: recognised, counted, and rendered as the model will read them."""

from wizard.data.readers.files import read_rows, sha256_of
from wizard.data.readers.inspecting import inspect
from wizard.data.readers.lengths import estimated
from wizard.data.readers.pasted import inspect_text, keep_text, suffix_for
from wizard.data.readers.previews import previews
from wizard.data.readers.rendering import render, render_all
from wizard.data.readers.templates import template_of

__all__ = [
    "estimated",
    "inspect",
    "inspect_text",
    "keep_text",
    "previews",
    "read_rows",
    "render",
    "render_all",
    "sha256_of",
    "suffix_for",
    "template_of",
]
