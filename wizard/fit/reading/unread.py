"""The model_types that are refused, each by name: a test holds both lists against what transformers builds."""

# An encoder, with or without a decoder behind it, or a decoder that is asked to read one.
ENCODERS = frozenset(
    {
        "albert", "bart", "bert", "bert-generation", "big_bird", "bigbird_pegasus", "blenderbot", "blenderbot-small",
        "camembert", "clip", "data2vec-text", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "marian",
        "mbart", "megatron-bert", "modernbert", "mpnet", "mt5", "musicgen", "musicgen_melody", "mvp", "pegasus",
        "plbart", "prophetnet", "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer", "siglip", "t5",
        "t5gemma", "t5gemma2", "trocr", "umt5", "vit", "whisper", "xlm", "xlm-roberta", "xlm-roberta-xl", "xlnet",
        "xmod",
    }
)  # fmt: skip

# Their layers hold what an Architecture has no number for; the simulation runs their own code.
UNREAD = frozenset(
    {
        # a state instead of attention, or beside it, of another kind than Qwen's
        "bailing_hybrid", "bamba", "falcon_h1", "falcon_mamba", "granitemoehybrid", "jamba", "kimi_linear", "lfm2",
        "lfm2_moe", "lfm3", "mamba", "mamba2", "minimax", "nemotron_h", "olmo_hybrid", "recurrent_gemma", "rwkv",
        "xlstm", "zamba", "zamba2", "zaya",
        # attention that looks up where to look, or has gates, norms or heads of its own in some layers
        "afmoe", "axk1", "axk2", "beam", "bitnet", "deepseek_v32", "deepseek_v4", "diffllama", "doge",
        "dots3_note_text", "glm_moe_dsa", "gpt_neox_japanese", "hy_v4", "inkling2_text", "inkling_text", "jetmoe",
        "laguna", "longcat_flash", "mimo_v2_flash", "minimax_m3_vl_text", "modernbert-decoder", "openai-gpt",
        "openelm",
        # embeddings of each layer, layers that share, layers of different widths
        "dbrx", "gemma3n", "gemma3n_text", "gemma4", "gemma4_assistant", "gemma4_text", "gemma4_unified",
        "gemma4_unified_assistant", "gemma4_unified_text", "hrm_text", "nemotron-nas", "qwen4_exp", "qwen4_exp_text",
        # other things than text inside the language model
        "blt", "cohere_compass", "cohere_compass_text", "cpmant", "ctrl", "fuyu", "git", "moshi", "phi4_multimodal",
        "pi0", "reformer",
        # more beside the language model than a tower and a projector that are known
        "blip", "blip-2", "chameleon", "cosmos3_edge", "deepseek_ocr2", "deepseek_vl_hybrid", "diffusion_gemma",
        "emu3", "ernie4_5_vl_moe", "evolla", "exaone4_5", "fast_vlm", "glm_ocr", "got_ocr2", "granite4_vision",
        "granite_docling", "hunyuan_vl", "idefics", "idefics2", "instructblip", "instructblipvideo", "janus",
        "kosmos-2", "kosmos-2.5", "molmo2", "moss_transcribe_diarize", "muse_glimmer", "muse_spark", "paddleocr_vl",
        "perception_lm", "pp_chart2table", "qwen2_5_omni", "qwen2_5_omni_thinker", "qwen3_omni_moe",
        "qwen3_omni_moe_thinker", "unlimited_ocr", "video_llava",
    }
)  # fmt: skip
