"""The front end of plain lines: the same desk as the screens, for pipes, poor terminals and people who like it so."""

ESTIMATE_FLAGS = (  # what `estimate` may be told of a case, spelt as in `--cases`
    "task", "method", "weights_dtype", "mixed_precision", "optimizer", "lora_r", "lora_targets", "micro_batch",
    "seq_len", "grad_ckpt", "attention", "fused_loss", "zero_stage", "n_gpus", "cpu_offload",
)  # fmt: skip
RESUME_KNOBS = ("micro_batch", "seq_len", "save_steps", "learning_rate", "port")  # what `resume` may change
MODEL_ACTIONS = ("search", "show", "add", "download", "remove")
USING = ("chat", "snippet", "bench")  # verbs for a served model
DATA_FLAGS = ("--data", "--validation", "--copied")  # of one's own data, for the wizard and `run`
