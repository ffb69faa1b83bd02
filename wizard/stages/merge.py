"""Make one model of the base and what was trained, prove that it answers as the two did, save it as it is served.

python -m wizard.stages.merge RUN/04-merge
python -m json.tool RUN/04-merge/done.json
"""

from __future__ import annotations

from wizard.stages.desk import Bench, run
from wizard.stages.merging import merged
from wizard.stages.weights import check_model


def work(bench: Bench) -> None:
    bench.phase("load-libraries")
    check_model(bench.order.input("fetch", "model"))
    folder, result = merged(bench)
    bench.finish({"merged": folder}, result)


if __name__ == "__main__":
    run(work)
