"""What an engine is asked for beyond its usual arguments: the values of its `options`, as far as it has them."""

from __future__ import annotations

from wizard.contract import Engine, Model, Room, Serving

PICTURES = 8  # of one request
GUESSES = 4  # tokens at a time, which the model itself then checks
NGRAM = "ngram"  # guesses are what came before, word for word


def asked_of(engine: Engine, model: Model, room: Room, serving: Serving, store: str) -> dict[str, str]:
    """By the option's name; one that an engine lacks is not asked for. `store`: where models lie."""
    own = serving.draft not in ("", NGRAM)
    found = {
        "cards": str(room.cards) if room.cards > 1 else "",
        "cache": room.cache if room.cache != "auto" else "",
        "pictures": str(PICTURES) if "image" in model.modality else "",
        "tools": engine.tools.get(model.tools, ""),
        "reasoning": engine.reasoning.get(model.reasoning, ""),
        "ngram": str(GUESSES) if serving.draft == NGRAM else "",
        "draft": f"{store}/models/{serving.draft}" if own else "",
    }
    return {name: value for name, value in found.items() if value and name in engine.options}
