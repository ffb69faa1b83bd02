"""Counting what reads pictures or sound: the layers of a tower with what stands before them, and its projector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wizard.fit.reading.numbers import count, listed


class Face(NamedTuple):
    """The numbers of a tower's config under one name each; `spots`: places with an embedding of their own."""

    kind: str
    hidden: int
    inner: int
    layers: int
    heads: int
    patch: int
    spots: int
    shrink: int  # positions that become one token
    gated: bool


def body_params(own: Mapping[str, Any], face: Face) -> int:
    """All parameters before the projector."""
    h, i, n = face.hidden, face.inner, face.layers
    pixels = 3 * face.patch**2 * h
    weights = n * (4 * h * h + (3 if face.gated else 2) * h * i)
    biased = n * (4 * h + i + h + 4 * h)  # attention, MLP, two LayerNorms
    places = face.spots * h
    match face.kind:
        case "clip_vision_model":
            return weights + biased + pixels + h + (places + h) + 4 * h
        case "siglip_vision_model":
            return weights + biased + pixels + h + places + 2 * h + _pooling(own, face)
        case "idefics3_vision":
            return weights + biased + pixels + h + places + 2 * h
        case "internvl_vision":
            normed = 2 * h if own.get("use_qk_norm") or own.get("qk_normalization") else 0
            plain = 0 if own.get("attention_bias") or own.get("qkv_bias") else 3 * h
            return weights + biased + n * (2 * h + normed - plain) + pixels + h + h + (places + h)
        case "llama4_vision_model":
            return weights + biased + pixels + h + (places + h) + 4 * h
        case "pixtral":
            return weights + n * 2 * h + pixels + h
        case "glm4v_vision":
            biases = 4 * h if own.get("attention_bias") else 0
            return weights + n * (2 * h + biases) + 2 * pixels + h + places + 2 * h
        case "qwen2_vl_vision":
            return weights + biased + 2 * pixels
        case "qwen2_5_vl_vision":
            return weights + n * (4 * h + 2 * i + h + 2 * h) + 2 * pixels
        case "qwen3_vl_vision" | "qwen3_5_vision":
            return weights + biased + 2 * pixels + h + count(own, "num_position_embeddings") * h
        case "mllama_vision_model":
            return weights + n * (i + h + 4 * h) + pixels + _tiles(own, face)
        case "whisper":
            return weights + n * (3 * h + i + h + 4 * h) + (128 * 3 * h + h) + (3 * h * h + h) + 1500 * h + 2 * h
    return weights + biased + pixels + places


def _pooling(own: Mapping[str, Any], face: Face) -> int:
    """SigLIP's head, which pools by attention; most models that read pictures leave it out."""
    h, i = face.hidden, face.inner
    return h + 4 * h * h + 4 * h + 2 * h + 2 * h * i + i + h if own.get("vision_use_head", True) else 0


def _tiles(own: Mapping[str, Any], face: Face) -> int:
    """Llama 3.2's embeddings of the class, of places and tiles, its norms, the gates of its global layers."""
    h = face.hidden
    tiles, seen = (
        count(own, "max_num_tiles"),
        (count(own, "max_aspect_ratio_id") or 8) + 1,
    )
    seats = (face.spots + 1) * h + seen * tiles * (face.spots + 1) * h + 2 * seen * tiles * h
    return h + seats + 3 + 4 * h + 2 * count(own, "num_global_layers")


def projector_params(config: Mapping[str, Any], own: Mapping[str, Any], face: Face, to: int) -> int:
    """`to`: the width of the language model."""
    h, wide = face.hidden, face.hidden * face.shrink
    match face.kind:
        case "qwen2_vl_vision" | "qwen2_5_vl_vision":
            return (2 * h if face.kind == "qwen2_vl_vision" else h) + wide * wide + wide + wide * to + to
        case "qwen3_vl_vision" | "qwen3_5_vision":
            each, deep = (
                wide * wide + wide + wide * to + to,
                listed(own, "deepstack_visual_indexes"),
            )
            return each + 2 * h + len(deep) * (each + 2 * wide)
        case "glm4v_vision":
            return wide * to + to + to * to + 2 * to + 3 * to * count(own, "intermediate_size")
        case "llama4_vision_model":
            into, out = (
                count(own, "projector_input_dim"),
                count(own, "projector_output_dim"),
            )
            return count(own, "intermediate_size") * into + into * out + count(own, "vision_output_dim") * to
    return _projector_of(config, own, face, to)


def _projector_of(config: Mapping[str, Any], own: Mapping[str, Any], face: Face, to: int) -> int:
    """By the model_type of the whole."""
    h, wide, outer = face.hidden, face.hidden * face.shrink, str(config.get("model_type", ""))
    match outer:
        case "gemma3":
            return h * to + h
        case "paligemma":
            return h * (count(own, "projection_dim") or to) + to
        case "idefics3" | "smolvlm":
            return wide * to
        case "mllama":
            return count(own, "vision_output_dim") * to + to
        case "mistral3":
            return h + wide * h + h * to + to * to + (2 * to if config.get("multimodal_projector_bias") else 0)
        case "internvl" | "internvl_chat":
            return 2 * wide + wide * to + to + to * to + to
        case "qwen2_audio":
            return h * to + to
        case "minicpmv":
            return 5 * to * to + (h + (count(config, "query_num") or 64) + 10) * to
        case "cohere2_vision" | "aya_vision":
            told = count(config, "alignment_intermediate_size")
            middle = told or (36864 if outer == "cohere2_vision" else to)
            norm = 0 if outer == "cohere2_vision" else 2 * wide
            return norm + wide * middle + middle + middle // 2 * to + to
    levels = config.get("vision_feature_layers" if outer == "vipllava" else "vision_feature_layer")
    deep = h * (len(levels) if isinstance(levels, list | tuple) else 5 if outer == "vipllava" else 1)
    biased = 2 * to if config.get("multimodal_projector_bias", True) else 0
    extra = 2 * deep if outer == "vipllava" else to if outer.startswith("llava_") else 0  # a norm, or a line's end
    return deep * to + to * to + biased + extra
