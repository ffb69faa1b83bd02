"""Free and taken ports of this machine."""

from __future__ import annotations

import socket

from wizard.errors import ExitCode, WizardError


def claim(host: str, port: int) -> int:
    """The port asked for if nobody has it, any free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise WizardError("port-in-use", exit_code=ExitCode.FAILED, port=port, host=host) from error
        taken: int = probe.getsockname()[1]
        return taken
