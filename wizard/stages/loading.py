"""The one door to a model's files: none of them is run as code, and weights are safetensors or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json
from wizard.stages.weights import gguf_of

HEADS = ("score", "classifier")  # what transformers calls them
CLOSED = {"trust_remote_code": False, "local_files_only": True}


def tokenizer_of(folder: Path | str) -> Any:
    from transformers import AutoTokenizer

    with refused(folder):
        return AutoTokenizer.from_pretrained(folder, **CLOSED)


def padding(tokenizer: Any) -> int:
    """The id that rows are padded with, and a model is told of: a tokenizer that has none pads with its end."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return int(tokenizer.pad_token_id)


def config_of(folder: Path | str) -> Any:
    from transformers import AutoConfig

    with refused(folder):
        return AutoConfig.from_pretrained(folder, **CLOSED)


def model_of(folder: Path | str, **settings: Any) -> Any:
    """A model that writes, in whatever format the quantise stage has written it."""
    from transformers import AutoModelForCausalLM

    if file := gguf_of(Path(folder)):
        return AutoModelForCausalLM.from_pretrained(folder, gguf_file=file.name, **CLOSED, **settings)
    method = quantised_by(Path(folder))
    if method in ("gptq", "awq"):
        from wizard.stages.quantising.gptqmodel import allow_few_cores

        allow_few_cores()
    if method == "hqq":
        from wizard.stages.quantising.hqq import opened

        return opened(Path(folder), **settings)
    with refused(folder):
        return AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, **CLOSED, **settings)


def quantised_by(folder: Path) -> str:
    """The method that the model's configuration names; empty of plain weights."""
    config = read_json(folder / "config.json")
    return str((config.get("quantization_config") or {}).get("quant_method", ""))


def scorer_of(folder: Path | str, labels: int | None = None, **settings: Any) -> Any:
    """A model whose head gives numbers in place of tokens. `labels`: how many, of a head that is to be made, in fp32:
    it is trained itself, and small steps are lost in 16 bits (decision 27). None: one that is there, held as the rest.

    A kind of model that has no such head in transformers is a Problem.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING as KNOWN

    heads = {} if labels is None else {"num_labels": labels}
    with refused(folder):
        kind = AutoConfig.from_pretrained(folder, **CLOSED)
        if type(kind) not in KNOWN:
            raise WizardError("model-scores-not", exit_code=ExitCode.FAILED, kind=str(kind.model_type))
        told = {**CLOSED, **heads, **settings}
        model = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True, **told)
    for head in (getattr(model, name, None) for name in HEADS):
        if heads and head is not None:
            head.float()
    return model


def encoder_of(folder: Path | str, limit: int, device: str = "cpu", **settings: Any) -> Any:
    """Texts of at most `limit` tokens as vectors of length 1. A model that has not said how to make one of its tokens'
    takes the last one's, which has read all of them."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer

    options: dict[str, Any] = {"model_kwargs": {"use_safetensors": True, **settings}, "device": device}
    with refused(folder):
        if (Path(folder) / "modules.json").is_file():
            encoder = SentenceTransformer(str(folder), **CLOSED, **options)
            encoder.max_seq_length = limit
            return encoder
        reader = Transformer(
            str(folder),
            max_seq_length=limit,
            model_kwargs={**CLOSED, **options["model_kwargs"]},
            processor_kwargs={**CLOSED},  # it writes into what it is given
            config_kwargs={**CLOSED},
        )
        padding(reader.tokenizer)
        pooling = Pooling(reader.get_embedding_dimension(), pooling_mode="lasttoken")
        return SentenceTransformer(modules=[reader, pooling, Normalize()], device=device)


def seeing_of(folder: Path | str, **settings: Any) -> Any:
    """A model that reads pictures beside text; its processor is behind wizard.stages.looking."""
    from transformers import AutoModelForImageTextToText

    with refused(folder):
        return AutoModelForImageTextToText.from_pretrained(folder, use_safetensors=True, **CLOSED, **settings)


@contextmanager
def refused(folder: Path | str) -> Iterator[None]:
    """What the library says of a model that brings its own code becomes the Problem that explains it."""
    try:
        yield
    except (ValueError, ImportError) as error:
        if "trust_remote_code" not in str(error):
            raise
        raise WizardError("model-needs-code", exit_code=ExitCode.FAILED, path=str(folder)) from error
