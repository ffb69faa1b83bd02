"""yichuidingyin: from a fresh GPU machine to a tuned model behind an OpenAI-compatible API."""

__version__ = "0.1.0"
