"""Reading what the prepare stage made: rows mapped into memory as they lie, or made anew while they are trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.contract.sharing import readers_of
from wizard.journal import read_json
from wizard.stages.sharing import accumulation

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

Row = Mapping[str, Any]
STREAM = ("spec", "model", "pictures")  # of stream.json: what rows are made from
TOKENS = ("input_ids", "labels")
SHUFFLED = 1000  # rows that a stream holds to draw from


def rows_of(path: Path, knobs: Mapping[str, Any]) -> Dataset | IterableDataset:
    """`path`: the prepare stage's output `rows`. What is streamed is mixed only within a window."""
    from datasets import Dataset, IterableDataset

    if path.suffix == ".arrow":
        return shortened(Dataset.from_file(str(path)), int(max(lengths_of(path))), int(knobs["seq_len"]))
    told = {name: read_json(path)[name] for name in STREAM}
    told["spec"]["knobs"]["seq_len"] = knobs["seq_len"]
    stream = IterableDataset.from_generator(streamed, gen_kwargs=told)
    return stream.shuffle(seed=int(knobs["seed"]), buffer_size=SHUFFLED)


def kept_back(outputs: Mapping[str, str], knobs: Mapping[str, Any]) -> Dataset | IterableDataset | None:
    """The validation rows, if any were kept from training."""
    return rows_of(Path(outputs["validation"]), knobs) if "validation" in outputs else None


def shortened(rows: Dataset, longest: int, limit: int) -> Dataset:
    """A sequence may have been made shorter since the rows were prepared; what has no answer left then is left out."""
    if longest <= limit:
        return rows
    if "tokens" in rows.column_names:  # a picture cannot be cut
        return rows.filter(lambda tokens: tokens <= limit, input_columns="tokens")
    learnt = rows.filter(lambda labels: any(label >= 0 for label in labels[:limit]), input_columns="labels")
    return learnt.map(lambda row: cut(row, limit))


def cut(row: Row, limit: int) -> dict[str, Any]:
    return {name: values[:limit] if name in TOKENS else values for name, values in row.items()}


def streamed(spec: Mapping[str, Any], model: str, pictures: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    from wizard.stages.prepare import maker_of
    from wizard.stages.preparing.seeing import Pictures
    from wizard.stages.preparing.sources import batches, examples_of
    from wizard.stages.template import Talker

    maker = maker_of(spec, Talker(Path(model)))
    for batch in batches(examples_of(spec, Pictures(**pictures))):
        made = maker.make(batch).columns.get("rows")
        yield from made.to_pylist() if made else ()


def steps_of_stream(path: Path, knobs: Mapping[str, Any]) -> dict[str, int]:
    """A stream does not know its length: the steps that its epochs come to, as a setting. Empty where rows lie there.

    Packed rows are fewer; they are counted as if they were not, and the last steps repeat what was learnt.
    """
    if path.suffix == ".arrow" or int(knobs["max_steps"]):
        return {}
    batch = int(knobs["micro_batch"]) * accumulation(knobs) * readers_of(knobs)
    return {"max_steps": math.ceil(float(knobs["epochs"]) * read_json(path)["made"] / batch)}


def lengths_of(path: Path) -> Sequence[int]:
    """Tokens of each row, without reading the rows; of a stream, its longest row alone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if path.suffix != ".arrow":
        return [int(read_json(path)["longest"])]
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_stream(file).read_all()
        ids = "input_ids" in table.column_names
        lengths: Sequence[int] = (pc.list_value_length(table["input_ids"]) if ids else table["tokens"]).to_numpy()
        return lengths


def picked(path: Path, places: Sequence[int], limit: int) -> list[Row]:
    """The rows at these places; of a stream, whose memory alone matters, one as long as its longest."""
    if path.suffix == ".arrow":
        from datasets import Dataset

        return [cut(row, limit) for row in Dataset.from_file(str(path)).select(places)]
    told = read_json(path)
    first = next(streamed(**{name: told[name] for name in STREAM}))
    if "input_ids" not in first:
        return [first] * len(places)
    times = -(-told["longest"] // len(first["input_ids"]))
    return [cut({name: values * times for name, values in first.items()}, min(limit, told["longest"]))] * len(places)
