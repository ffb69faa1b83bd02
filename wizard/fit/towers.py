"""What a multimodal model reads pictures or sound with, read off its config: a tower of layers and a projector."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

from wizard.contract import Tower

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "clip_vision_model": {"image_size": 224, "patch_size": 32, "hidden_size": 768, "intermediate_size": 3072,
                          "num_hidden_layers": 12, "num_attention_heads": 12},
    "idefics3_vision": {"image_size": 224, "patch_size": 32, "hidden_size": 1152, "intermediate_size": 3072,
                        "num_hidden_layers": 12, "num_attention_heads": 16},
    "internvl_vision": {"image_size": 448, "patch_size": 14, "hidden_size": 1024, "intermediate_size": 4096,
                        "num_hidden_layers": 24, "num_attention_heads": 16},
    "mllama_vision_model": {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
                            "attention_heads": 16, "num_global_layers": 8, "image_size": 448, "patch_size": 14,
                            "max_num_tiles": 4, "vision_output_dim": 7680},
    "pixtral": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
                "image_size": 1024, "patch_size": 16},
    "qwen2_5_vl_vision": {"depth": 32, "hidden_size": 3584, "intermediate_size": 3420, "num_heads": 16},
    "qwen2_vl_vision": {"depth": 32, "embed_dim": 1280, "num_heads": 16, "mlp_ratio": 4},
    "qwen3_vl_vision": {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
                        "patch_size": 16, "num_position_embeddings": 2304},
    "siglip_vision_model": {"image_size": 224, "patch_size": 16, "hidden_size": 768, "intermediate_size": 3072,
                            "num_hidden_layers": 12, "num_attention_heads": 12},
    "whisper": {"d_model": 1280, "encoder_layers": 32, "encoder_ffn_dim": 5120, "encoder_attention_heads": 20},
}  # fmt: skip
SAME = {
    "idefics3": "idefics3_vision",
    "intern_vit_6b": "internvl_vision",
    "qwen2_5_vl": "qwen2_5_vl_vision",
    "qwen2_audio_encoder": "whisper",
    "qwen2_vl": "qwen2_vl_vision",
    "qwen3_5": "qwen3_vl_vision",
    "qwen3_5_moe": "qwen3_vl_vision",
    "qwen3_5_moe_vision": "qwen3_vl_vision",
    "qwen3_5_vision": "qwen3_vl_vision",
    "qwen3_vl": "qwen3_vl_vision",
    "qwen3_vl_moe": "qwen3_vl_vision",
    "qwen3_vl_moe_vision": "qwen3_vl_vision",
    "smolvlm_vision": "idefics3_vision",
}
SIDE = 1024  # pixels of a picture, where the tower takes any size


class Face(NamedTuple):
    """The numbers of a tower's config under one name each."""

    kind: str
    hidden: int
    inner: int
    layers: int
    heads: int
    patch: int
    side: int


def tower_of(config: Mapping[str, Any], kind: str, hidden: int) -> Tower | None:
    """`hidden`: of the language model that is shown what the tower makes."""
    name = next((n for n in ("vision_config", "audio_config") if isinstance(config.get(n), Mapping)), "")
    if not name or not config[name]:
        thinker = config.get("thinker_config")
        return tower_of(thinker, kind, hidden) if isinstance(thinker, Mapping) else None
    raw: Mapping[str, Any] = config[name]
    inner = _kind(raw, str(config.get("model_type", "")))
    face = _face({**DEFAULTS.get(inner, {}), **{key: value for key, value in raw.items() if value is not None}}, inner)
    if not (face.hidden and face.layers):
        return None
    own = {**DEFAULTS.get(inner, {}), **raw}
    tokens, positions, shrink = _lengths(config, own, face)
    gated = inner in ("pixtral", "qwen2_5_vl_vision")
    return Tower(
        params=_body(own, face, gated) + _projector(config, own, face, hidden, shrink),
        layers=face.layers,
        hidden=face.hidden,
        intermediate=face.inner,
        heads=face.heads,
        positions=positions,
        tokens=tokens,
        gated=gated,
    )


def _kind(raw: Mapping[str, Any], outer: str) -> str:
    named = str(raw.get("model_type", ""))
    if not named or (named not in DEFAULTS and named not in SAME):
        named = {"llava": "clip_vision_model", "gemma3": "siglip_vision_model"}.get(outer, outer or named)
    return SAME.get(named, named)


def _face(own: Mapping[str, Any], kind: str) -> Face:
    def first(*names: str) -> int:
        value = next((own[name] for name in names if own.get(name)), 0)
        value = value[0] if isinstance(value, list | tuple) else value
        return int(value) if isinstance(value, int | float) else 0

    hidden = first("embed_dim", "hidden_size", "d_model", "width")
    if kind == "qwen2_5_vl_vision":
        hidden = 1280 if own.get("hidden_size") == own.get("out_hidden_size") else first("hidden_size")
    ratio = own.get("mlp_ratio") or 4
    return Face(
        kind=kind,
        hidden=hidden,
        inner=first("intermediate_size", "encoder_ffn_dim") or int(hidden * float(ratio)),
        layers=first("depth", "num_hidden_layers", "encoder_layers", "layers") + first("num_global_layers"),
        heads=first("num_heads", "num_attention_heads", "attention_heads", "encoder_attention_heads") or 16,
        patch=first("patch_size", "spatial_patch_size") or 14,
        side=first("image_size"),
    )


def _lengths(config: Mapping[str, Any], own: Mapping[str, Any], face: Face) -> tuple[int, int, int]:
    """(tokens for the language model, positions inside the tower, positions that become one token)."""
    if face.kind == "whisper":
        return 750, 1500, 2
    merge = int(own.get("spatial_merge_size") or config.get("spatial_merge_size") or 1)
    if face.kind.startswith("qwen"):
        merge = int(own.get("spatial_merge_size") or 2)
    if face.kind == "internvl_vision":
        merge = round(1 / float(config.get("downsample_ratio") or 0.5))
    if face.kind == "idefics3_vision":
        merge = int(config.get("scale_factor") or 2)
    each = face.patch * merge
    side = face.side if face.side and not face.kind.startswith("qwen") else SIDE // each * each
    positions = (side // face.patch) ** 2
    tokens = int(config.get("mm_tokens_per_image") or 0) or positions // merge**2
    classed = face.kind in ("clip_vision_model", "internvl_vision", "mllama_vision_model")
    if face.kind == "mllama_vision_model":
        positions, tokens = (positions + 1) * 4 - 1, (positions + 1) * 4  # four tiles, one sequence
    return tokens, positions + classed, merge**2


def _body(own: Mapping[str, Any], face: Face, gated: bool) -> int:
    h, i, n = face.hidden, face.inner, face.layers
    pixels = 3 * face.patch**2 * h * (int(own.get("temporal_patch_size") or 2) if face.kind.startswith("qwen") else 1)
    weights = n * (4 * h * h + (3 if gated else 2) * h * i)
    biased = n * (4 * h + i + h + 4 * h)  # attention, MLP, two LayerNorms
    spots = (face.side // face.patch) ** 2
    match face.kind:
        case "clip_vision_model":
            return weights + biased + pixels + h + (spots + 1) * h + 4 * h
        case "siglip_vision_model":
            head = (h + 4 * h * h + 4 * h + 2 * h + 2 * h * i + i + h) if own.get("vision_use_head", True) else 0
            return weights + biased + pixels + h + spots * h + 2 * h + head
        case "idefics3_vision":
            return weights + biased + pixels + h + spots * h + 2 * h
        case "internvl_vision":
            normed = 2 * h if own.get("use_qk_norm") or own.get("qk_normalization") else 0
            plain = 0 if own.get("attention_bias") or own.get("qkv_bias") else 3 * h
            return weights + biased + n * (2 * h + normed - plain) + pixels + h + h + (spots + 1) * h
        case "pixtral":
            return weights + n * 2 * h + pixels + h
        case "qwen2_vl_vision":
            return weights + biased + pixels
        case "qwen2_5_vl_vision":
            return weights + n * (4 * h + 2 * i + h + 2 * h) + pixels
        case "qwen3_vl_vision":
            return weights + biased + pixels + h + int(own.get("num_position_embeddings") or 2304) * h
        case "mllama_vision_model":
            tiles = int(own.get("max_num_tiles") or 4)
            shapes = int(own.get("max_aspect_ratio_id") or 8) + 1
            seats = (spots + 1) * h + shapes * tiles * (spots + 1) * h + 2 * shapes * tiles * h
            globals_ = int(own.get("num_global_layers") or 8)
            return weights + n * (i + h + 4 * h) + pixels + h + seats + 3 + 4 * h + 2 * globals_
        case "whisper":
            return weights + n * (3 * h + i + h + 4 * h) + (128 * 3 * h + h) + (3 * h * h + h) + 1500 * h + 2 * h
    return weights + biased + pixels + spots * h


def _projector(config: Mapping[str, Any], own: Mapping[str, Any], face: Face, to: int, shrink: int) -> int:
    h, outer = face.hidden, str(config.get("model_type", ""))
    wide = h * shrink
    if face.kind.startswith("qwen2"):
        return (h if face.kind == "qwen2_5_vl_vision" else 2 * h) + wide * wide + wide + wide * to + to
    if face.kind == "qwen3_vl_vision":
        each, deep = wide * wide + wide + wide * to + to, own.get("deepstack_visual_indexes")
        number = 3 if deep is None else len(deep)
        return each + 2 * h + number * (each + 2 * wide)
    match outer:
        case "gemma3":
            return h * to + h
        case "paligemma":
            return h * int(own.get("projection_dim") or to) + to
        case "idefics3" | "smolvlm":
            return wide * to
        case "mllama":
            return int(own.get("vision_output_dim") or 7680) * to + to
        case "mistral3":
            return h + wide * h + h * to + to * to + (2 * to if config.get("multimodal_projector_bias") else 0)
        case "internvl" | "internvl_chat":
            return 2 * wide + wide * to + to + to * to + to
        case "qwen2_audio":
            return h * to + to
    newline = to if outer.startswith("llava_") else 0
    levels = config.get("vision_feature_layer")
    deep_in = h * (len(levels) if isinstance(levels, list) else 1)
    biased = 2 * to if config.get("multimodal_projector_bias", True) else 0
    return prod((deep_in, to)) + to * to + biased + newline


__all__ = ["tower_of"]
