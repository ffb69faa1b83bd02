"""Reading what the prepare stage made: rows mapped into memory as they lie, or made anew while they are trained on."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.contract.sharing import readers_of
from wizard.journal import read_json
from wizard.stages.sharing import accumulation

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

Row = Mapping[str, Any]
STREAM = ("spec", "model", "pictures")  # of stream.json: what rows are made from
ASKED = "prompt_ids"  # stands before each of the answers below, where a row tells them apart
ANSWERS = ("chosen_ids", "rejected_ids", "completion_ids")
TOKENS = ("input_ids", "labels", *ANSWERS)
SHUFFLED = 1000  # rows that a stream holds to draw from
SAMPLED = 5000  # rows of a stream among which is drawn


def rows_of(path: Path, knobs: Mapping[str, Any]) -> Dataset | IterableDataset:
    """`path`: the prepare stage's output `rows`. What is streamed has no end, and is mixed only within a window."""
    from datasets import Dataset, IterableDataset

    if path.suffix == ".arrow":
        return shortened(Dataset.from_file(str(path)), int(max(lengths_of(path))), int(knobs["seq_len"]))
    return IterableDataset.from_generator(rounds, gen_kwargs={"seed": int(knobs["seed"]), **stream_of(path, knobs)})


def kept_back(outputs: Mapping[str, str], knobs: Mapping[str, Any]) -> Dataset | IterableDataset | None:
    """The validation rows, if any were kept from training."""
    from datasets import IterableDataset

    if "validation" not in outputs:
        return None
    path = Path(outputs["validation"])
    if path.suffix == ".arrow":
        return rows_of(path, knobs)
    return IterableDataset.from_generator(streamed, gen_kwargs=stream_of(path, knobs))


def each_of(path: Path, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """These columns of every row once, whether the rows lie there or are made for it."""
    from datasets import Dataset

    if path.suffix == ".arrow":
        rows: Iterable[Row] = Dataset.from_file(str(path)).select_columns(list(names))
    else:
        rows = streamed(**stream_of(path))
    return (tuple(row[name] for name in names) for row in rows)


def stream_of(path: Path, knobs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What `streamed` is to be told; `knobs`: of a training that may have a shorter sequence than was prepared."""
    held = read_json(path)
    told = {name: held[name] for name in STREAM}
    if knobs:
        told["spec"]["knobs"]["seq_len"] = knobs["seq_len"]
    return told


def rounds(seed: int, **told: Any) -> Iterator[Row]:
    """The stream again and again, each time in another order.

    To transformers all of it is one epoch, in which it goes on at the very batch it had come to: of a stream with an
    end it knows no length, counts no epochs, and would begin the later ones anew.
    """
    for number in count():
        yield from mixed(streamed(**told), random.Random(f"{seed} {number}"), SHUFFLED)


def mixed(rows: Iterable[Row], chance: random.Random, window: int) -> Iterator[Row]:
    held: list[Row] = []
    for row in rows:
        if len(held) < window:
            held.append(row)
            continue
        place = chance.randrange(window)
        yield held[place]
        held[place] = row
    chance.shuffle(held)
    yield from held


def shortened(rows: Dataset, longest: int, limit: int) -> Dataset:
    """A sequence may have been made shorter since the rows were prepared; what has no answer left then is left out."""
    if longest <= limit:
        return rows
    if "tokens" in rows.column_names:  # a picture cannot be cut
        return rows.filter(lambda tokens: tokens <= limit, input_columns="tokens")
    if ASKED in rows.column_names:
        answered = rows.filter(lambda asked: len(asked) < limit, input_columns=ASKED)
        return answered.map(lambda row: cut(row, limit))
    if "labels" in rows.column_names:
        rows = rows.filter(lambda labels: any(label >= 0 for label in labels[:limit]), input_columns="labels")
    return rows.map(lambda row: cut(row, limit)) if set(rows.column_names) & set(TOKENS) else rows


def cut(row: Row, limit: int) -> dict[str, Any]:
    room = max(0, limit - len(row.get(ASKED, ())))
    return {name: values[:room] if name in TOKENS else values for name, values in row.items()}


def stretched(row: Row, length: int) -> dict[str, Any]:
    """As long as `length` by saying its answers again."""
    longer = {name: values * -(-length // len(values)) if name in TOKENS else values for name, values in row.items()}
    return cut(longer, length)


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


def lengths_of(path: Path, limit: int = 0) -> Sequence[int]:
    """Tokens of each row, without reading the rows; of a stream, its longest row alone. Of two answers, the longer one
    tells: both are padded to it. `limit`: a row with pictures that is longer counts as nothing, since it is not trained
    on."""
    import pyarrow as pa

    if path.suffix != ".arrow":
        return [int(read_json(path)["longest"])]
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_stream(file).read_all()
        if "tokens" in table.column_names:
            tokens = table["tokens"].to_numpy()
            return tokens * (tokens <= limit) if limit else tokens  # type: ignore[no-any-return]
        return lengths_in(table)


def lengths_in(table: Any) -> Sequence[int]:
    import numpy as np
    import pyarrow.compute as pc

    known = [name for name in (ASKED, *TOKENS) if name in table.column_names]
    told = {name: pc.list_value_length(table[name]).to_numpy() for name in known}
    if not known:  # texts, which their trainer makes tokens of: their letters tell which are longest
        texts = [field.name for field in table.schema if field.type == "string"]
        told = {name: pc.utf8_length(table[name]).to_numpy() for name in texts}
    asked = told.pop(ASKED, 0)
    lengths: Sequence[int] = asked + np.maximum.reduce([*told.values()])
    return lengths


def picked(path: Path, places: Sequence[int], limit: int) -> list[Row]:
    """The rows at these places; of a stream, whose memory alone matters, one as long as its longest."""
    if path.suffix == ".arrow":
        from datasets import Dataset

        return [cut(row, limit) for row in Dataset.from_file(str(path)).select(places)]
    first = next(streamed(**stream_of(path)))
    if not set(first) & set(TOKENS):
        return [first] * len(places)
    return [stretched(first, min(limit, read_json(path)["longest"]))] * len(places)


def sample(path: Path, most: int, seed: int) -> list[Row]:
    """At most so many, in the order in which they were drawn: the same each time."""
    chance = random.Random(seed)
    if path.suffix != ".arrow":
        first = list(islice(streamed(**stream_of(path)), SAMPLED))
        return chance.sample(first, min(most, len(first)))
    from datasets import Dataset

    rows = Dataset.from_file(str(path))
    return list(rows.select(chance.sample(range(len(rows)), min(most, len(rows)))))


def with_pictures(path: Path) -> Iterator[Row]:
    """The rows that have any, in their order."""
    if path.suffix != ".arrow":
        yield from (row for row in streamed(**stream_of(path)) if row["images"])
        return
    from datasets import Dataset

    yield from (row for row in Dataset.from_file(str(path)) if row["images"])
