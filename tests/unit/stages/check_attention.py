"""Which attention is chosen on which card: the libraries' own answers, but for the card and the packages."""

import json
from itertools import product
from pathlib import Path
from unittest import mock

from wizard.stages.attention import attention_of

CARDS = {"t4": (7, 5), "a100": (8, 0), "h100": (9, 0), "b200": (10, 0)}


def chosen(card: str, packages: str, asked: str, halves: bool) -> list:
    where = "transformers.utils.is_flash_attn_{}_available"
    with (
        mock.patch("torch.cuda.get_device_capability", return_value=CARDS[card]),
        mock.patch(where.format(2), return_value="2" in packages),
        mock.patch(where.format(3), return_value="3" in packages),
    ):
        return list(attention_of({"attention": asked}, "cuda", halves))


cases = product(CARDS, ("", "2", "23"), ("auto", "flash"), (True, False))
told = {" ".join(map(str, case)): chosen(*case) for case in cases}
Path("told.json").write_text(json.dumps(told))
raise SystemExit(0)
