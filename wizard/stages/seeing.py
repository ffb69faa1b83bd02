"""What a model that sees is asked, and what it answers: the same for its merge and its serving."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from wizard.data.files.media.pictures import opened
from wizard.errors import ExitCode, WizardError
from wizard.stages.answering import Speaker
from wizard.stages.looking import processor_of
from wizard.stages.preparing.spellings import spelt
from wizard.stages.template import Message, Tools


def picture(path: str) -> Any:
    """Raises picture-gone: it was there and whole when the rows were prepared."""
    try:
        return opened(Path(path), lambda width, height: (width, height))
    except MemoryError:
        raise
    except Exception as error:  # a decoder given a damaged file raises anything
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise WizardError("picture-gone", exit_code=ExitCode.FAILED, path=path, why=why) from error


def inputs_of(processor: Any, text: str, images: Sequence[Any]) -> Any:
    """What the model takes: `input_ids` (1 x tokens), each picture's in place of its mark, and its own tensors."""
    return processor(text=[text], images=list(images) or None, return_tensors="pt", add_special_tokens=False)


def asked(processor: Any, messages: Sequence[Message], images: Sequence[Any] = (), tools: Tools = None) -> Any:
    """The inputs of a talk up to where the answer would begin. `images`: of its parts {"type": "image"}, in order.

    Raises jinja2.TemplateError, or ValueError where marks and pictures do not agree.
    """
    render = partial(processor.tokenizer.apply_chat_template, tools=list(tools or ()) or None, tokenize=False)
    form = spelt(lambda each: str(render(list(each), add_generation_prompt=True)), messages)
    return inputs_of(processor, str(render(form, add_generation_prompt=True)), images)


class Said(NamedTuple):
    """A greedy answer: its tokens, and the logits that each was chosen from (tokens x vocabulary)."""

    ids: Any
    logits: Any


class Looker(Speaker):
    def __init__(self, folder: Path, device: str, max_new_tokens: int) -> None:
        super().__init__(folder, device, max_new_tokens)
        self.processor = processor_of(folder)
        self.tokenizer = self.processor.tokenizer
        self.settings.update(output_logits=True, return_dict_in_generate=True)

    def question(self, text: str) -> Any:
        return asked(self.processor, [{"role": "user", "content": text}])

    def said(self, model: Any, inputs: Any) -> Said:
        with torch.inference_mode():
            told = model.generate(**inputs.to(self.device), generation_config=self.settings)
        logits = torch.cat(told.logits).float()
        return Said(told.sequences[0, -len(logits) :], logits)
