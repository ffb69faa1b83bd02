"""The front end of plain lines: the same desk as the screens, for pipes, poor terminals and people who like it so."""

RESUME_KNOBS = ("micro_batch", "seq_len", "save_steps", "learning_rate")  # what `resume` may change
