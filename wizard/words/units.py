"""Sizes and times as people read them: GiB for memory, GB for disk and downloads, rounded durations."""

from __future__ import annotations

from wizard.words import say

GIB = 1024**3
GB = 10**9


def gib(amount: float, unit: bool = True) -> str:
    """GPU memory and RAM."""
    return _number(amount / GIB) + (" GiB" if unit else "")


def gb(amount: float, unit: bool = True) -> str:
    """Disk and downloads."""
    return _number(amount / GB) + (" GB" if unit else "")


def speed(rate: float) -> str:
    """Of a download, from bytes a second; nothing where it is not known."""
    return f"{rate / 1e6:.1f} MB/s" if rate else ""


def _number(value: float) -> str:
    if 0 < value < 0.005:
        return "<0.01"
    if value == 0:
        return "0"
    size = abs(value)
    return f"{value:.2f}" if size < 0.995 else f"{value:.1f}" if size < 99.95 else f"{value:.0f}"


def seconds(amount: float) -> str:
    """A duration, in its largest one or two units."""
    whole = max(0, round(amount))
    if whole < 90:
        return say("unit.seconds", n=whole)
    minutes = round(whole / 60)
    if minutes < 60:
        return say("unit.minutes", n=minutes)
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return say("unit.hours_minutes", h=hours, m=rest) if rest else say("unit.hours", h=hours)
    days, hours = divmod(hours, 24)
    return say("unit.days_hours", d=days, h=hours) if hours else say("unit.days", d=days)


def count(number: float) -> str:
    """135M, 8.19B: of parameters, of downloads."""
    for sign, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{sign}"
    return f"{number:.0f}"
