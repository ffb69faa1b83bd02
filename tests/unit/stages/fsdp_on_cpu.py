"""accelerate makes FSDP of an accelerator's processes alone; told otherwise, all of its code runs on CPUs as well."""

from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType

_made = AcceleratorState.__init__


def _make(self, *arguments, fsdp_plugin=None, **more):
    _made(self, *arguments, fsdp_plugin=fsdp_plugin, **more)
    if fsdp_plugin is None or self.distributed_type != DistributedType.MULTI_CPU:
        return
    if self._mixed_precision != "no":
        fsdp_plugin.set_mixed_precision(self._mixed_precision)
    self.fsdp_plugin = fsdp_plugin
    self.distributed_type = PartialState._shared_state["distributed_type"] = DistributedType.FSDP


AcceleratorState.__init__ = _make
