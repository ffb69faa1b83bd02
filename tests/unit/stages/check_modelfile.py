"""Run in an environment with tokenizers: `python check_modelfile.py MODEL PLACE`. Prints each template in Go."""

import json
import shutil
import sys
from pathlib import Path

from wizard.stages.quantising import modelfile
from wizard.stages.template import Talker

LLAMA3 = (
    "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}"
    "{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}"
    "{% endfor %}"
)
COUNTED = "{% for message in messages %}{{ message.content ~ loop.length }}{% endfor %}"
LAST_ONLY = "{{ messages[-1].content }}"


def main(model: Path, place: Path) -> dict:
    found = {}
    templates = {"own": "", "llama3": LLAMA3, "mistral": MISTRAL, "counted": COUNTED, "last-only": LAST_ONLY}
    for name, template in templates.items():
        folder = Path(shutil.copytree(model, place / name))
        if template:
            (folder / "chat_template.jinja").write_text(template)
        pieces = modelfile.pieces_of(Talker(folder))
        file = folder / "model-q8_0.gguf"
        modelfile.write(folder, file, folder)
        found[name] = {"go": modelfile.go(pieces) if pieces else None, "file": (folder / "Modelfile").read_text()}
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
