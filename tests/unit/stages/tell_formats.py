"""What an engine's wheel says of formats, read and not run: `python tell_formats.py vllm FOLDER > formats/vllm.json`.

FOLDER: an unpacked wheel, or an environment's site-packages."""

import ast
import json
import sys
from pathlib import Path

QUANTIZATION = {"vllm": "vllm/model_executor/layers/quantization", "sglang": "sglang/srt/layers/quantization"}


def main(engine: str, folder: Path) -> dict:
    version = next(folder.glob(f"{engine.replace('-', '_')}-*.dist-info")).name.split("-")[1].removesuffix(".dist")
    if engine == "lmdeploy":
        return {"version": version, **lmdeploy(folder)}
    place = folder / QUANTIZATION[engine.removesuffix("_cpu").removesuffix("-cpu")]
    return {"version": version, "methods": methods(place / "__init__.py"), "least": dict(sorted(least(place)))}


def methods(file: Path) -> list:
    """Names in vLLM's Literal, or SGLang's table of them for a card."""
    for node in ast.parse(file.read_text()).body:
        name = getattr(node, "target", None) or next(iter(getattr(node, "targets", [])), None)
        if isinstance(name, ast.Name) and name.id == "QuantizationMethods":
            return [each.value for each in node.value.slice.elts]
        if isinstance(name, ast.Name) and name.id == "BASE_QUANTIZATION_METHODS":
            return [key.value for key in node.value.keys]
    raise LookupError(file)


def least(place: Path):
    """(class, the number its get_min_capability returns)."""
    for file in place.rglob("*.py"):
        for kind in ast.walk(ast.parse(file.read_text())):
            for method in getattr(kind, "body", []) if isinstance(kind, ast.ClassDef) else []:
                if isinstance(method, ast.FunctionDef) and method.name == "get_min_capability":
                    told = method.body[-1]
                    if isinstance(told, ast.Return) and isinstance(told.value, ast.Constant):
                        yield kind.name, told.value.value


def lmdeploy(folder: Path) -> dict:
    tree = ast.parse((folder / "lmdeploy/turbomind/converter.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "_SUPPORTED_GROUP_SIZES":
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {"groups": {key.value: sorted(ast.literal_eval(value.args[0])) for key, value in pairs}}
    raise LookupError(folder)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2])), indent=1))
