"""What a multimodal model reads pictures or sound with, read off its config: a tower of layers and a projector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.contract import Tower
from wizard.errors import WizardError
from wizard.fit.reading.numbers import count, ratio
from wizard.fit.reading.tower_params import Face, body_params, projector_params

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "clip_vision_model": {"image_size": 224, "patch_size": 32, "hidden_size": 768, "intermediate_size": 3072,
                          "num_hidden_layers": 12, "num_attention_heads": 12},
    "glm4v_vision": {"depth": 24, "hidden_size": 1536, "intermediate_size": 13696, "num_heads": 12, "image_size": 336,
                     "patch_size": 14, "out_hidden_size": 4096},
    "idefics3_vision": {"image_size": 224, "patch_size": 32, "hidden_size": 1152, "intermediate_size": 3072,
                        "num_hidden_layers": 12, "num_attention_heads": 16},
    "internvl_vision": {"image_size": 448, "patch_size": 14, "hidden_size": 1024, "intermediate_size": 4096,
                        "num_hidden_layers": 24, "num_attention_heads": 16},
    "llama4_vision_model": {"hidden_size": 768, "intermediate_size": 5632, "num_hidden_layers": 34,
                            "num_attention_heads": 16, "image_size": 448, "patch_size": 14, "vision_output_dim": 7680,
                            "projector_input_dim": 4096, "projector_output_dim": 4096},
    "mllama_vision_model": {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
                            "attention_heads": 16, "num_global_layers": 8, "image_size": 448, "patch_size": 14,
                            "max_num_tiles": 4, "vision_output_dim": 7680},
    "pixtral": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
                "image_size": 1024, "patch_size": 16},
    "qwen2_5_vl_vision": {"depth": 32, "hidden_size": 3584, "intermediate_size": 3420, "num_heads": 16,
                          "out_hidden_size": 3584},
    "qwen2_vl_vision": {"depth": 32, "embed_dim": 1280, "num_heads": 16, "mlp_ratio": 4},
    "qwen3_5_vision": {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
                       "patch_size": 16, "num_position_embeddings": 2304, "out_hidden_size": 3584},
    "qwen3_vl_vision": {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
                        "patch_size": 16, "num_position_embeddings": 2304, "out_hidden_size": 3584,
                        "deepstack_visual_indexes": (8, 16, 24)},
    "siglip_vision_model": {"image_size": 224, "patch_size": 16, "hidden_size": 768, "intermediate_size": 3072,
                            "num_hidden_layers": 12, "num_attention_heads": 12},
    "whisper": {"d_model": 1280, "encoder_layers": 32, "encoder_ffn_dim": 5120, "encoder_attention_heads": 20},
}  # fmt: skip
SAME = {
    "glm4v": "glm4v_vision",
    "glm4v_moe": "glm4v_vision",
    "glm4v_moe_vision": "glm4v_vision",
    "idefics3": "idefics3_vision",
    "intern_vit_6b": "internvl_vision",
    "minicpmv": "idefics3_vision",
    "qwen2_5_vl": "qwen2_5_vl_vision",
    "qwen2_audio_encoder": "whisper",
    "qwen2_vl": "qwen2_vl_vision",
    "qwen3_5": "qwen3_5_vision",
    "qwen3_5_moe": "qwen3_5_vision",
    "qwen3_5_moe_vision": "qwen3_5_vision",
    "qwen3_vl": "qwen3_vl_vision",
    "qwen3_vl_moe": "qwen3_vl_vision",
    "qwen3_vl_moe_vision": "qwen3_vl_vision",
    "smolvlm_vision": "idefics3_vision",
}
USUAL = {"aya_vision": "siglip_vision_model", "cohere2_vision": "siglip_vision_model", "gemma3": "siglip_vision_model",
         "llava": "clip_vision_model"}  # fmt: skip
MERGED = ("glm4v_vision", "qwen2_5_vl_vision", "qwen2_vl_vision", "qwen3_5_vision", "qwen3_vl_vision")
CLASSED = ("clip_vision_model", "internvl_vision", "llama4_vision_model", "mllama_vision_model")
GATED = ("glm4v_vision", "pixtral", "qwen2_5_vl_vision")
SIDE = 1024  # pixels of a picture, where the tower takes any size


def tower_of(config: Mapping[str, Any], hidden: int) -> Tower | None:
    """`hidden`: of the language model that is shown what the tower makes. Raises config-unread-tower."""
    name = next((n for n in ("vision_config", "audio_config") if config.get(n)), "")
    if not name:
        return None
    if not isinstance(config[name], Mapping):
        raise WizardError("config-unread-tower", key=name)
    raw = {key: value for key, value in config[name].items() if value is not None}
    kind = _kind(raw, str(config.get("model_type", "")))
    own = {**DEFAULTS.get(kind, {}), **raw}
    face = _face(config, own, kind)
    if not (face.inner and face.layers and face.hidden >= face.heads):
        raise WizardError("config-unread-tower", key=name)
    tokens, positions = _lengths(config, own, face)
    if not positions:
        raise WizardError("config-unread-tower", key=name)
    return Tower(
        params=body_params(own, face) + projector_params(config, own, face, _shown(own, face, hidden)),
        layers=face.layers,
        hidden=face.hidden,
        intermediate=face.inner,
        heads=face.heads,
        positions=positions,
        tokens=tokens,
        gated=face.gated,
    )


def _shown(own: Mapping[str, Any], face: Face, hidden: int) -> int:
    """How wide the projector's output is: as the tower's own config says, where it says so."""
    if face.kind == "qwen2_vl_vision":
        return count(own, "hidden_size") or hidden
    return count(own, "out_hidden_size") or hidden


def _kind(raw: Mapping[str, Any], outer: str) -> str:
    if outer == "minicpmv":
        return SAME[outer]
    named = str(raw.get("model_type", ""))
    if not named or (named not in DEFAULTS and named not in SAME):
        named = USUAL.get(outer, outer if outer in SAME or not named else named)
    return SAME.get(named, named)


def _face(config: Mapping[str, Any], own: Mapping[str, Any], kind: str) -> Face:
    def first(*names: str) -> int:
        return next((number for name in names if (number := count(own, name))), 0)

    hidden = first("embed_dim", "hidden_size", "d_model", "width")
    inner = first("intermediate_size", "encoder_ffn_dim") or int(hidden * ratio(own, "mlp_ratio", 4))
    patch = first("patch_size", "spatial_patch_size") or 14
    return Face(
        kind=kind,
        hidden=hidden,
        inner=first("out_hidden_size") if kind == "glm4v_vision" else inner,
        layers=first("depth", "num_hidden_layers", "encoder_layers", "layers") + first("num_global_layers"),
        heads=first("num_heads", "num_attention_heads", "attention_heads", "encoder_attention_heads") or 16,
        patch=patch,
        spots=(first("image_size") // patch) ** 2,
        shrink=_merged(config, own, kind) ** 2,
        gated=kind in GATED,
    )


def _merged(config: Mapping[str, Any], own: Mapping[str, Any], kind: str) -> int:
    """How many positions along each side become one token."""
    if kind in MERGED:
        return count(own, "spatial_merge_size") or 2
    if kind == "internvl_vision":
        return round(1 / ratio(config, "downsample_ratio", 0.5))
    if kind == "llama4_vision_model":
        return round(1 / ratio(own, "pixel_shuffle_ratio", 0.5))
    if config.get("model_type") in ("aya_vision", "cohere2_vision"):
        return count(config, "downsample_factor") or 2
    if config.get("model_type") in ("idefics3", "smolvlm"):
        return count(config, "scale_factor") or 2
    return count(own, "spatial_merge_size") or count(config, "spatial_merge_size") or 1


def _lengths(config: Mapping[str, Any], own: Mapping[str, Any], face: Face) -> tuple[int, int]:
    """(tokens for the language model, positions inside the tower)."""
    if face.kind == "whisper":
        return 750, 1500
    if config.get("model_type") == "minicpmv":
        return count(config, "query_num") or 64, (448 // face.patch) ** 2  # of one slice
    positions = face.spots
    if not positions or face.kind in MERGED:
        step = face.patch * round(face.shrink**0.5)
        positions = (SIDE // step * step // face.patch) ** 2
    if face.kind == "mllama_vision_model":
        return (positions + 1) * 4, (positions + 1) * 4  # four tiles, one sequence
    tokens = count(config, "mm_tokens_per_image") or positions // face.shrink
    return tokens, positions + (face.kind in CLASSED)
