"""Simulate what tests/data/simulated holds anew, and write the peaks that were seen there.

    python tests/bench/simulated.py --python ENV/bin/python [--models smollm2-135m ...]

ENV is the environment of `estimate --simulate`. One process, about three quarters of an hour on one core.
Peaks of models that are not named stay.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import wizard
from tests.unit.fit import simulated
from wizard.fit.asking.orders import order_of
from wizard.journal import Home
from wizard.run import install_lib


def simulate(python: Path, cases: list[tuple[str, str]]) -> Iterator[simulated.Seen]:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder), Path(folder))
        lib = home.lib / install_lib(home, Path(wizard.__file__).parent)
        process = subprocess.Popen(
            [str(python), "-m", "wizard.stages.simulate"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(lib), "CUDA_VISIBLE_DEVICES": ""},
            text=True,
        )
        assert process.stdin and process.stdout
        for model, setting in cases:
            order = order_of(simulated.step(model, setting), simulated.config(model))
            print(json.dumps(order), file=process.stdin, flush=True)
            found = json.loads(process.stdout.readline())
            if "code" in found:
                print(f"{model} {setting}: {found['detail']}", flush=True)
            elif found["params"] != simulated.step(model, setting).params:
                print(f"{model} {setting}: another model, of {found['params']:,} parameters", flush=True)
            else:
                yield simulated.Seen(model, setting, found["peak_bytes"], found["moment"])
        process.stdin.close()
        process.wait()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--python", type=Path, required=True)
    options.add_argument("--models", nargs="*", default=[])
    given = options.parse_args()
    for name, pairs in (("peaks", simulated.grid()), ("kinds", simulated.kinds())):
        wanted = [pair for pair in pairs if pair[0] in given.models or not given.models]
        seen = {(each.model, each.setting): each for each in simulated.peaks(name)}
        seen = {pair: each for pair, each in seen.items() if pair not in wanted}
        for each in simulate(given.python, wanted):
            seen[each.model, each.setting] = each
            print(f"{each.model} {each.setting}: {each.peak_bytes:,} in {each.moment}", flush=True)
        lines = [json.dumps(seen[pair]._asdict()) + "\n" for pair in pairs if pair in seen]
        (simulated.FOLDER / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
