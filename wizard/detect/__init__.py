"""What the machine has: cards through NVML, the host through psutil and /proc, or a pretended machine."""

from wizard.detect.boards import board_of
from wizard.detect.disks import Mount
from wizard.detect.host import reach
from wizard.detect.machine import detect
from wizard.detect.meter import Meter
from wizard.detect.places import place_of, reading_speed
from wizard.detect.pretend import pretend

__all__ = ["Meter", "Mount", "board_of", "detect", "place_of", "pretend", "reach", "reading_speed"]
