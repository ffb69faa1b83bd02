"""The one door to Pillow for rows: a picture decoded, upright, in three colours, no larger than its model looks at."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from wizard.contract import Rejected
from wizard.data.files.media.checking import MOST_PIXELS
from wizard.data.shape.fault import reject
from wizard.data.shape.seeing import Size

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
QUALITY = 95
DEEP = 257  # what one step of 8 bits is in 16


def prepared(source: Path | bytes, size_for: Callable[[int, int], Size], store: Path, ref: str) -> Path | Rejected:
    """A file that any processor reads: the source itself where nothing has to be changed, else a copy in `store`,
    named by its content. `size_for`: (width, height) as shown -> what it is made to. OSError: of the store's disk.
    """
    try:
        image, kind, changed = _opened(source, size_for)
    except MemoryError:
        raise
    except Exception:  # a decoder given a damaged file raises anything
        return reject("broken-media", ref=ref)
    if not changed:
        return source if isinstance(source, Path) else _kept(source, store)
    file = BytesIO()
    if kind == "JPEG":
        image.save(file, "JPEG", quality=QUALITY, subsampling=0)
    else:
        image.save(file, "PNG", compress_level=1)
    return _kept(file.getvalue(), store)


def opened(source: Path | bytes, size_for: Callable[[int, int], Size]) -> Any:
    """The picture as `prepared` would keep it, for whoever hands it to a model. Raises what its decoder does."""
    return _opened(source, size_for)[0]


def data_url(source: Path, most: int) -> str:
    """The picture in a request: a `data:` URL. `most`: pixels of its longer side. Raises what its decoder does."""

    def size_for(width: int, height: int) -> Size:
        share = min(1.0, most / max(width, height))
        return max(1, round(width * share)), max(1, round(height * share))

    image, kind, _ = _opened(source, size_for)
    file, form = BytesIO(), "jpeg" if kind == "JPEG" else "png"
    image.save(file, form.upper(), **({"quality": QUALITY} if form == "jpeg" else {}))
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"


def small(source: Path | bytes, most: Size) -> tuple[Size, bytes] | None:
    """(width, height) and rows of RGB bytes of the picture in at most so many pixels; None where it is broken."""
    from PIL import Image

    try:
        image, _, _ = _opened(source, lambda width, height: (width, height), most)
        image.thumbnail(most, Image.Resampling.BOX)
    except MemoryError:
        raise
    except Exception:  # as above
        return None
    return image.size, image.tobytes()


def _opened(
    source: Path | bytes, size_for: Callable[[int, int], Size], hasty: Size | None = None
) -> tuple[Any, str, bool]:
    """(picture, format, whether it is other than in its file). `hasty`: no more pixels than about these are wanted."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    with Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as raw:
        kind = "JPEG" if raw.format in ("JPEG", "MPO") else str(raw.format)
        if hasty:
            raw.draft("RGB", hasty)
        raw.load()
        upright = ImageOps.exif_transpose(raw)
        moving = getattr(raw, "n_frames", 1) > 1
        plain = raw.mode == "RGB" and raw.size == upright.size and not raw.getexif().get(0x0112, 1) > 1
        image = rgb(upright)
    wanted = size_for(*image.size)
    if image.size != wanted:
        return image.resize(wanted, Image.Resampling.BICUBIC), kind, True
    return image, kind, not plain or moving or kind not in ("JPEG", "PNG")


def rgb(image: Any) -> Any:
    """Three colours of 8 bits: 16 bits are divided, what is transparent lies on white."""
    from PIL import Image

    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / DEEP)).convert("L")
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        ground = Image.new("RGBA", shown.size, "white")
        return Image.alpha_composite(ground, shown).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _kept(data: bytes, store: Path) -> Path:
    path = store / hashlib.sha256(data).hexdigest()
    if not path.exists():
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=store, delete=False) as file:
            file.write(data)
        os.replace(file.name, path)
    return path
