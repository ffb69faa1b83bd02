"""The one door to what makes a model's inputs of pictures: its processor, without the half that reads videos.

Videos are read by torchvision, which the engines' environments do not have, and no row holds one. transformers wants
that half for every family that could read them; here a processor is made of what pictures need. Families whose
pictures themselves need torchvision (Pixtral, Mistral 3, Llama 4) are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.loading import CLOSED, refused
from wizard.stages.safety import read

NAMED_IN = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
STAND_INS = {"SmolVLMProcessor": "Idefics3Processor"}  # the same but for videos, for which it wants num2words


def processor_of(folder: Path | str) -> Any:
    """With its tokenizer, which knows the chat template. Raises pictures-unreadable, model-needs-code."""
    with refused(folder):
        try:
            processor = without_videos(kind_of(Path(folder))).from_pretrained(folder, **CLOSED)
        except (ImportError, OSError, ValueError, TypeError, AttributeError) as error:
            if "trust_remote_code" in str(error):
                raise
            why = str(error).strip().splitlines() or [type(error).__name__]
            raise unreadable(folder, why[0][:300]) from error
    tokenizer = processor.tokenizer
    tokenizer.chat_template = tokenizer.chat_template or processor.chat_template
    return processor


def kind_of(folder: Path) -> Any:
    """The class that the model's files name, or that transformers has for its kind of model."""
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES, processor_class_from_name

    told = (read(folder / file).get("processor_class") for file in NAMED_IN)
    usual = PROCESSOR_MAPPING_NAMES.get(str(read(folder / "config.json").get("model_type", "")))
    name = next((name for name in told if name), usual)
    name = STAND_INS.get(str(name), name)
    if not (kind := processor_class_from_name(name) if name else None):
        raise unreadable(folder, f"processor_class: {name or '-'}")
    return kind


def without_videos(kind: Any) -> Any:
    """Of the same name: what it saves is read by the same class."""
    parts = [part for part in kind.get_attributes() if part != "video_processor"]
    members = {"get_attributes": classmethod(lambda cls: list(parts)), "__module__": kind.__module__}
    return type(kind.__name__, (kind,), members)


def unreadable(folder: Path | str, why: str) -> WizardError:
    return WizardError("pictures-unreadable", exit_code=ExitCode.FAILED, path=str(folder), why=why)
