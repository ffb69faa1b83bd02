"""A base and the adapters that are kept apart from it: a request chooses one of them by name, or the base.

FOLDER/adapter is what a training left, FOLDER/adapters/NAME are more of PEFT's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.weights import check_adapter
from wizard.tuners.bottleneck import switch
from wizard.tuners.saving import is_ours, load_adapter

OWN, MORE = "adapter", "adapters"
BASE = "base"


def kept_apart(folder: Path, name: str) -> dict[str, Path]:
    """Names of adapters beside the model in `folder`. `name`: of what is served, which is the trained one's."""
    own = {name: folder / OWN} if (folder / OWN).is_dir() else {}
    more = {path.name: path for path in sorted((folder / MORE).glob("*")) if path.is_dir()}
    return {**more, **own}


class Voices:
    """The network with all adapters laid around it, one or none of them in force at a time."""

    def __init__(self, network: Any, adapters: Mapping[str, Path], name: str) -> None:
        self.adapters = dict(adapters)
        self.names = [name, *(other for other in self.adapters if other != name)]
        if name in self.adapters:
            self.names.append(BASE)
        self.ours = any(is_ours(path) for path in self.adapters.values())
        if self.ours and len(self.adapters) > 1:
            raise WizardError("adapters-mixed", exit_code=ExitCode.FAILED, names=", ".join(self.adapters))
        self.network = load_adapter(network, *self.adapters.values()) if self.ours else laid(network, self.adapters)

    @contextmanager
    def of(self, name: str) -> Iterator[Any]:
        """The network as `name` has it. One at a time: who asks waits for its turn."""
        if not self.adapters:
            yield self.network
        elif self.ours:
            switch(self.network, on=name in self.adapters)
            yield self.network
        elif name in self.adapters:
            self.network.set_adapter(inner(name))
            yield self.network
        else:
            with self.network.disable_adapter():
                yield self.network


def inner(name: str) -> str:
    """As PEFT calls it: torch allows no dot in a module's name, and PEFT no empty one."""
    return name.replace(".", "-") or OWN


def laid(network: Any, adapters: Mapping[str, Path]) -> Any:
    if not adapters:
        return network
    for path in adapters.values():
        check_adapter(path)
    from peft import PeftModel

    (first, place), *others = adapters.items()
    model = PeftModel.from_pretrained(network, place, adapter_name=inner(first))
    for name, folder in others:
        model.load_adapter(folder, adapter_name=inner(name))
    return model
