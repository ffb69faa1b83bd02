"""The engine room: supervisor, environments, locks, and what stops or resumes a run."""

from wizard.run import environments
from wizard.run.concessions import concede, consent
from wizard.run.control import going, stop
from wizard.run.fetching import fetch
from wizard.run.jobs import answers
from wizard.run.keys import api_key, key_file
from wizard.run.lib import install_lib
from wizard.run.locks import take
from wizard.run.spawn import command, is_done
from wizard.run.supervised import launch, supervised
from wizard.run.supervisor import supervise
from wizard.run.tokens import VARIABLES, hub_tokens, keep_token
from wizard.run.uv import find_uv

__all__ = [
    "VARIABLES",
    "answers",
    "api_key",
    "command",
    "concede",
    "consent",
    "environments",
    "fetch",
    "find_uv",
    "going",
    "hub_tokens",
    "install_lib",
    "is_done",
    "keep_token",
    "key_file",
    "launch",
    "stop",
    "supervise",
    "supervised",
    "take",
]
