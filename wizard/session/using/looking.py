"""A picture of a person's as a request carries it: upright, no larger than models look at, in base64."""

from __future__ import annotations

from pathlib import Path

from wizard.errors import WizardError

MOST = 2048  # pixels of its longer side: what Qwen-VL and Gemma look at by themselves is less


def url_of(path: Path) -> str:
    """A `data:` URL (RFC 2397), as OpenAI's `image_url` takes it. Raises chat-picture-unreadable."""
    from wizard.data.files.media.pictures import data_url

    try:
        return data_url(path.expanduser(), MOST)
    except MemoryError:
        raise
    except Exception as error:  # a decoder given a damaged file raises anything
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise WizardError("chat-picture-unreadable", path=str(path), why=why) from error
