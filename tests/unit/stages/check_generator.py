"""Prints what TRL's own parser makes of a server's arguments (JSON on stdin): what it read, what it would start."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from trl.scripts import vllm_serve

script_args, left = vllm_serve.make_parser().parse_args_and_config(
    json.loads(sys.argv[2]), return_remaining_strings=True
)
started = []
os.execve = lambda python, command, environment: started.extend([command, environment["VLLM_SERVER_DEV_MODE"]])
vllm_serve.is_vllm_available = lambda **_: True
vllm_serve.main(script_args, left)
Path(sys.argv[1]).write_text(json.dumps({"read": asdict(script_args), "left": left, "started": started}))
