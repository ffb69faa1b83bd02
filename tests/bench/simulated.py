"""Simulate every model of tests/data/simulated with every setting, and write the peaks that were seen there.

    python tests/bench/simulated.py --python ENV/bin/python [--models smollm2-135m ...]

ENV is the environment of `estimate --simulate`. One process, about half an hour on one core.
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
from wizard.fit.orders import order_of
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
            order = order_of(simulated.step(model, setting), simulated.models()[model])
            print(json.dumps(order), file=process.stdin, flush=True)
            found = json.loads(process.stdout.readline())
            if "code" in found:
                print(f"{model} {setting}: {found['detail']}", flush=True)
            else:
                yield simulated.Seen(model, setting, found["peak_bytes"], found["moment"])
        process.stdin.close()
        process.wait()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--python", type=Path, required=True)
    options.add_argument("--models", nargs="*", default=list(simulated.models()))
    given = options.parse_args()
    order = [(model, setting) for model in simulated.models() for setting in simulated.settings()]
    seen = {(each.model, each.setting): each for each in simulated.peaks() if each.model not in given.models}
    for each in simulate(given.python, [case for case in order if case[0] in given.models]):
        seen[each.model, each.setting] = each
        print(f"{each.model} {each.setting}: {each.peak_bytes:,} in {each.moment}", flush=True)
    lines = [json.dumps(seen[case]._asdict()) + "\n" for case in order if case in seen]
    (simulated.FOLDER / "peaks.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
