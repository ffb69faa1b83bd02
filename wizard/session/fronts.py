"""Opening served runs to others: what the front ends ask, before nginx is asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from wizard.contract import AccessKey, Exposure, Front
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, RunFolder
from wizard.run import front
from wizard.session import runs


class Fronts:
    """`expose` and `keys`, on screens and in lines."""

    FIRST_KEY = "first"  # what the first one is called where nobody says

    def __init__(self, home: Home) -> None:
        self._home = home

    def known_keys(self) -> tuple[AccessKey, ...]:
        return front.access.listed(self._home)

    def add_key(self, name: str) -> str:
        """The key, which is shown once: only its hash is kept."""
        return front.access.add(self._home, name)

    def revoke_key(self, name: str) -> None:
        front.access.revoke(self._home, name)

    def asked(
        self,
        run: str,
        *,
        listen: str = "",
        allow: Sequence[str] = (),
        tls: str = "",
        rate: str = "",
        max_body_mb: int | None = None,
    ) -> Exposure:
        """What would be opened, looked at before anything is. Raises WizardError for the first thing that is wrong."""
        folder = self._serving(run)
        exposure = front.asked(listen=listen, allow=allow, rate=rate, max_body_mb=max_body_mb)
        standing = front.standing(folder)
        if not standing.exposure or standing.exposure.port != exposure.port:
            front.refuse_taken(exposure)
        return front.with_certificate(exposure, tls, self._home)

    def open(self, run: str, exposure: Exposure) -> Front:
        """Raises WizardError nginx-missing before anything else: `install` may help."""
        front.nginx.need()
        folder = self._serving(run)
        return front.open_front(folder, exposure, (sys.executable, "-m", "wizard", "front", str(folder.path)))

    def close(self, run: str) -> bool:
        return front.close_front(self._folder(run))

    def standing(self, run: str) -> Front:
        return front.standing(self._folder(run))

    def installer(self) -> str:
        """The command that would put nginx here; empty where it is here, or nobody here may."""
        return "" if front.nginx.find() else " ".join(front.nginx.install_command())

    def install(self, tell: Callable[[str], None] = lambda line: None) -> Path:
        return front.nginx.install(tell)

    def _folder(self, run: str) -> RunFolder:
        return runs.resolve(self._home, run)

    def _serving(self, run: str) -> RunFolder:
        folder = self._folder(run)
        state = runs.state_of(folder)
        if not state.endpoint:
            raise WizardError("not-serving", run=folder.name, status=state.status, exit_code=ExitCode.FAILED)
        return folder
