"""Our forecasts beside three peers' on what others measured, and how little our constants hang on any one source.

python tests/bench/forecasts.py [--rows]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.peers import PEERS  # noqa: E402
from tests.unit.fit.published import GIB, Outcome, decided, outcomes, score, unsaid  # noqa: E402
from wizard.fit.memory import law  # noqa: E402
from wizard.fit.memory.law import Numbers, numbers_of  # noqa: E402

GRID = {
    "LOOSE_MOVING": (0.02, 0.05, 0.10, 0.15, 0.20),
    "LOOSE_FIXED": (0.0, 0.01, 0.02, 0.04),
    "LOOSE_LOGITS": (0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0),
}
UNSURE = (0.0, 0.02, 0.04, 0.06, 0.08, 0.10, 0.15, 0.20)


def peers_table(found: Sequence[Outcome]) -> None:
    """The three give one number for a card; ours is the one of the kind that was measured, and `safe` decides."""
    print(
        "| forecast | mean of the sources' medians | rows within 25 % | 9 of 10 within | card too small | too large |"
    )
    print("|---|---|---|---|---|---|")
    ours = [(one.source, one.error) for one in found]
    _line("ours", ours, [(one.law.safe, one.measured) for one in found])
    for name, forecast in PEERS.items():
        errors = [(one.source, forecast(one.step) / one.measured - 1) for one in found]
        _line(name, errors, [(forecast(one.step), one.measured) for one in found])


def _line(name: str, errors: Sequence[tuple[str, float]], pairs: Sequence[tuple[float, float]]) -> None:
    found, (small, large) = score(errors), decided(pairs)
    print(f"| {name} | {found.middle:.1%} | {found.near:.0%} | {found.ninth:.0%} | {small:.0%} | {large:.0%} |")


def sources_table(found: Sequence[Outcome]) -> None:
    print("| source | rows | ours: median, within 25 % | " + " | ".join(f"{name}: median" for name in PEERS) + " |")
    print("|---|---|---|" + "---|" * len(PEERS))
    for source in dict.fromkeys(one.source for one in found):
        mine = [one for one in found if one.source == source]
        errors = [abs(one.error) for one in mine]
        near = sum(error <= 0.25 for error in errors)
        theirs = [
            f"{median(abs(forecast(one.step) / one.measured - 1) for one in mine):.0%}" for forecast in PEERS.values()
        ]
        print(f"| {source} | {len(mine)} | {median(errors):.1%}, {near} | " + " | ".join(theirs) + " |")


def refitted(name: str, grid: Sequence[float], cost: Callable[[], float]) -> float:
    """The value with the least cost, the one in force where others are as good."""
    before = getattr(law, name)
    costs = {}
    for value in sorted(grid, key=lambda value: abs(value - before)):
        setattr(law, name, value)
        costs[value] = round(cost(), 5)
    setattr(law, name, before)
    return min(costs, key=lambda value: costs[value])


def again(one: Outcome) -> Outcome:
    return one._replace(law=numbers_of(one.step))


def cost_of(found: Sequence[Outcome]) -> Callable[[], float]:
    return lambda: score([(one.source, again(one).error) for one in found]).middle


def left_out(found: Sequence[Outcome]) -> None:
    """For each source: what the others alone would choose, and how far the source is off with that."""
    names = list(GRID)
    before = {name: getattr(law, name) for name in names}
    print("| left out | " + " | ".join(names) + " | its median: in force, refitted | its rows within 25 % |")
    print("|---|" + "---|" * (len(names) + 2))
    for source in (*dict.fromkeys(one.source for one in found), "-"):
        others, mine = [one for one in found if one.source != source], [one for one in found if one.source == source]
        for _ in range(2):
            for name in names:
                setattr(law, name, refitted(name, GRID[name], cost_of(others)))
        chosen = {name: getattr(law, name) for name in names}
        moved = [abs(again(one).error) for one in mine]
        for name, value in before.items():
            setattr(law, name, value)
        values = " | ".join(f"{chosen[name]:g}" for name in names)
        if mine:
            kept = [abs(one.error) for one in mine]
            near = f"{sum(error <= 0.25 for error in kept)}, {sum(error <= 0.25 for error in moved)} of {len(mine)}"
            print(f"| {source} | {values} | {median(kept):.1%}, {median(moved):.1%} | {near} |")
        else:
            print(f"| none | {values} | | |")


def margins(found: Sequence[Outcome]) -> None:
    """`safe` for other margins: what too small a card and too large a card would cost."""
    print("| UNSURE | card too small | card too large |")
    print("|---|---|---|")
    for share in UNSURE:
        pairs = [(_safe(one.law, share), one.measured) for one in found]
        small, large = decided(pairs)
        print(f"| {share:.2f} | {small:.0%} | {large:.0%} |")


def _safe(numbers: Numbers, share: float) -> float:
    return numbers.card + numbers.reserved * share


def rows_table(found: Sequence[Outcome]) -> None:
    print("| row | model, method | measured | ours | off | what the case cannot say |")
    print("|---|---|---|---|---|---|")
    for one in sorted(found, key=lambda one: -abs(one.error)):
        row = one.row
        sizes = f"{one.measured / GIB:.2f} | {one.forecast / GIB:.2f} | {one.error:+.0%}"
        print(f"| {row['id']} | {row['model']}, {row['method']} | {sizes} | {unsaid(row)} |")


def main() -> None:
    for task in ("train", "infer"):
        found = outcomes(task)
        print(f"## {task}: {len(found)} rows\n")
        if task == "train":
            peers_table(found)
            print()
            sources_table(found)
            print()
            left_out(found)
            print()
            margins(found)
        else:
            for source, middle in score([(one.source, one.error) for one in found]).medians.items():
                print(f"{source}: median {middle:.1%}")
        print()
        if "--rows" in sys.argv:
            rows_table(found)
            print()


if __name__ == "__main__":
    main()
