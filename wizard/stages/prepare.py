"""Turn rows into tokens by the model's own template, with the loss on the answers only, and keep them as Arrow.

python -m wizard.stages.prepare RUN/02-prepare
cat RUN/02-prepare/report.json
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from wizard.errors import ExitCode, WizardError
from wizard.journal import write_json
from wizard.journal.lines import dumps
from wizard.stages import prompts, safety
from wizard.stages.desk import Bench, run
from wizard.stages.preparing import shelf, sources
from wizard.stages.preparing.batches import SIDES, Done, Maker
from wizard.stages.preparing.copying import here
from wizard.stages.preparing.crowd import made
from wizard.stages.preparing.kinds import kind_of, pictures
from wizard.stages.preparing.seeing import Pictures
from wizard.stages.preparing.tally import Tally
from wizard.stages.preparing.writing import Arrow
from wizard.stages.template import Talker

TELL_EVERY = 5000  # rows
REPORT, LINES = "report.json", "report.jsonl"


def work(bench: Bench) -> None:
    folder, limit = bench.folder, int(bench.order.spec["knobs"]["seq_len"])
    model = bench.order.input("fetch", "model")
    safety.check(model)
    talker = Talker(model)
    with here(bench) as spec, sources.noted(folder):
        told = known_or_made(bench, spec, talker)
    write_json(folder / REPORT, told)
    sheet = prompts.note(talker, bench.order.spec.get("questions", ()), folder)
    tell(bench, told, limit)
    bench.progress(told["rows"], told["rows"], "rows")
    counted = {name: value for name, value in told.items() if name != "reasons"}
    bench.finish(outputs(folder, told) | {"prompts": sheet}, counted)


def known_or_made(bench: Bench, spec: Mapping[str, Any], talker: Talker) -> dict[str, Any]:
    """What was counted, and `sha256` of each source: a plan may know a large one only by samples."""
    folder, kept = bench.folder, Path(bench.order.store) / "prepared"
    bench.phase("check-data")
    sums = sources.checked(spec)
    key = shelf.key_of(spec, sums, talker)
    shared = not maker_of(spec, talker).kind.sees  # pictures lie in the run's own folder, or change where they are
    bench.phase("prepare-rows")
    if shared and (told := shelf.taken(kept, key, folder)):
        bench.note("rows-known", rows=told["rows"])
        return told | {"sha256": sums}
    told = make(bench, spec, talker) | {"sha256": sums}
    if told["streamed"]:
        write_json(folder / "stream.json", stream_of(bench.order.spec, place_of(bench, talker), talker.folder, told))
    elif shared:
        shelf.put(kept, key, [folder / name for name in files_of(told)], told)
    return told


def make(bench: Bench, spec: Mapping[str, Any], talker: Talker) -> dict[str, Any]:
    """What was counted; the rows are in the stage's folder, unless its disk is too small (`streamed`)."""
    folder = bench.folder
    maker = maker_of(spec, talker)
    room = room_for_training(talker.folder)
    sides = SIDES if maker.validation else SIDES[:1]
    files = {side: Arrow(folder / f"{side}.arrow", maker.schema(), room) for side in sides}
    tally, batches = Tally(), sources.batches(sources.examples_of(spec, place_of(bench, talker)))
    (folder / LINES).unlink(missing_ok=True)
    with (folder / LINES).open("w", encoding="utf-8", errors="replace") as report:
        for done in made(maker, batches, str(folder / "log.txt")):
            before = tally.rows
            tally.add(done.tally)
            write(done, files, report)
            if before // TELL_EVERY != tally.rows // TELL_EVERY:
                bench.progress(tally.rows, 0, "rows")
    for file in files.values():
        file.close()
    kept = sum(file.rows for side, file in files.items() if side == "validation" and file.whole)
    held = {"bytes": sum(file.bytes for file in files.values()), "validation": kept}
    return {**tally.counted(), **held, "streamed": not files["rows"].whole, "reasons": tally.told()}


def write(done: Done, files: Mapping[str, Arrow], report: IO[str]) -> None:
    for side, batch in done.columns.items():
        files[side].write(batch)
    report.writelines(dumps(line) + "\n" for line in done.told)


def place_of(bench: Bench, talker: Talker) -> Pictures:
    cache = Path(bench.order.store) / "cache" / "pictures"
    return Pictures(family=pictures.family_at(talker.folder), store=str(bench.folder / "pictures"), cache=str(cache))


def stream_of(spec: Mapping[str, Any], place: Pictures, model: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """With which training makes the rows while it goes; the disk is too small to keep them."""
    longest = min(told["longest"], int(spec["knobs"]["seq_len"]))
    held = {"spec": dict(spec), "model": str(model), "pictures": asdict(place)}
    return {**held, "made": told["made"], "longest": longest}


def maker_of(spec: Mapping[str, Any], talker: Talker) -> Maker:
    return Maker(
        talker=talker,
        kind=kind_of(str(spec.get("task", ""))),
        limit=int(spec["knobs"]["seq_len"]),
        validation=float(spec["data"].get("validation", 0.0)),
    )


def room_for_training(model: Path) -> int:
    """A checkpoint and a merged model come after the rows: as much as the model twice."""
    return 2 * sum(file.stat().st_size for file in model.rglob("*") if file.is_file())


def files_of(told: Mapping[str, Any]) -> list[str]:
    return ["rows.arrow", LINES, *(["validation.arrow"] if told["validation"] else [])]


def outputs(folder: Path, told: Mapping[str, Any]) -> dict[str, Path]:
    rows = folder / ("stream.json" if told["streamed"] else "rows.arrow")
    found = {"rows": rows, "report": folder / REPORT}
    return found | ({"validation": folder / "validation.arrow"} if told["validation"] else {})


def tell(bench: Bench, told: Mapping[str, Any], limit: int) -> None:
    why = next(iter(told["reasons"]), {"code": "empty", "line": 0})
    if not told["usable"]:
        raise WizardError(
            "no-usable-rows",
            exit_code=ExitCode.FAILED,
            rows=told["rows"],
            code=why["code"],
            line=why["line"],
            reason=why,
        )
    if told["rejected"]:
        more = {"line": why["line"], "reason": why, "path": str(bench.folder / LINES)}
        bench.note("rows-rejected", "warning", rejected=told["rejected"], rows=told["rows"], **more)
    if told["cut"]:
        bench.note("rows-cut", "warning", cut=told["cut"], limit=limit)
    if told["missed"]:
        bench.note("answers-missed", "warning", missed=told["missed"], path=str(bench.folder / LINES))
    if bench.order.spec["data"].get("validation") and not told["validation"]:
        bench.note("rows-none-aside", "warning", rows=told["made"])
    if told["made"] > told["usable"]:
        bench.note("rows-split", usable=told["usable"], made=told["made"])
    if told["streamed"]:
        bench.note("rows-streamed", "warning", bytes=told["bytes"])


if __name__ == "__main__":
    run(work)
