"""Nothing that comes from data or models is run: what could do so is not called, or says here why it may be."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2] / "wizard"
SOURCES = sorted(ROOT.rglob("*.py"))
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "imp", "runpy", "code"}
CALLS = {
    "import_module", "load_module", "exec_module", "spec_from_file_location", "extractall", "extract", "unpack_archive",
    "os.system", "os.popen", "torch.load", "numpy.load", "np.load", "read_pickle",
}  # fmt: skip
BUILTINS = {"eval", "exec", "compile", "__import__"}
LOADERS = {"from_pretrained"}
TEMPLATES = {"Environment", "SandboxedEnvironment", "Template"}
READERS = {
    ("data/files/cards.py", "yaml"),  # by its safe loader alone, without aliases: a data set's card
    ("stages/launch.py", "runpy"),  # the engine's own module, which its file in the catalogue names
}
ALLOWED = {  # (file, what is called): why it may be
    ("stages/evaluating/__init__.py", "import_module"): "one of the names that stand there",
    ("stages/merging/__init__.py", "import_module"): "one of the names that stand there",
    ("stages/quantising/__init__.py", "import_module"): "one of the names that stand there",
    ("stages/rewards/worker.py", "compile"): "the user's own reward file",
    ("stages/rewards/worker.py", "exec"): "the user's own reward file, in a process that fence.py shut off",
    ("stages/training/__init__.py", "import_module"): "one of the names that stand there",
}


def name_of(call: ast.Call) -> str:
    try:
        return ast.unparse(call.func)
    except ValueError:
        return ""


def places() -> list[tuple[str, ast.AST]]:
    return [
        (str(path.relative_to(ROOT)), node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]


PLACES = places()


def called(names: set[str]) -> list[tuple[str, str, ast.Call]]:
    found = []
    for place, node in PLACES:
        if isinstance(node, ast.Call):
            whole = name_of(node)
            short = {whole, whole.rpartition(".")[2]} if not whole.startswith("re.") else {whole}
            found += [(place, name, node) for name in names if name in ({whole} if name in BUILTINS else short)]
    return found


def test_no_module_is_imported_that_runs_what_it_reads() -> None:
    told = []
    for place, node in PLACES:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        told += [(place, name) for name in names if name.partition(".")[0] in MODULES]
    assert set(told) == READERS


def test_nothing_is_called_that_runs_or_unpacks_what_it_is_given() -> None:
    found = {(place, name) for place, name, _ in called(CALLS | BUILTINS)}
    assert found - set(ALLOWED) == set()
    assert set(ALLOWED) - found == set(), "an exception that nobody needs any more"


def test_no_shell_is_started() -> None:
    told = [
        place
        for place, node in PLACES
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "shell" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
    ]
    assert told == []


def test_models_are_loaded_through_one_door_which_is_closed_to_their_code() -> None:
    allowed = {
        "stages/loading.py": "the door",
        "stages/answering.py": "a generation_config.json, which holds numbers",
        "stages/looking.py": "the door to what reads pictures: tokenizer, template and numbers",
        "stages/merging/seeing.py": "the adapter that the train stage wrote, as safetensors",
        "stages/merging/causal.py": "the adapter that the train stage wrote, as safetensors",
        "stages/merging/whole.py": "a generation_config.json, which holds numbers",
        "stages/voices.py": "adapters that lie beside a model, as whole safetensors or not at all",
        "stages/merging/scored.py": "the same",
        "stages/merging/vectors.py": "the same",
        "tuners/unsloth.py": "Unsloth's door, as closed; the train stage has seen that the folder holds safetensors",
        "stages/convert.py": "a GGUF file: numbers, and a template as text",
    }
    assert {place for place, _, _ in called(LOADERS)} == set(allowed)
    spoken = [
        (place, ast.unparse(node.value))
        for place, node in PLACES
        if (isinstance(node, ast.keyword) and node.arg == "trust_remote_code")
    ]
    assert [found for found in spoken if found[1] != "False"] == []
    from wizard.stages.loading import CLOSED

    assert CLOSED["trust_remote_code"] is False


def test_templates_are_made_in_the_sandbox_alone() -> None:
    makers = {place for place, node in PLACES if isinstance(node, ast.ImportFrom) and "jinja2" in (node.module or "")}
    assert [place for place, _, _ in called(TEMPLATES) if place in makers] == []
    sandboxes = {place for place, _, _ in called({"ImmutableSandboxedEnvironment"})}
    assert sandboxes == {"data/readers/render_child.py", "stages/template.py"}


def test_no_engine_is_started_with_leave_to_run_a_models_code() -> None:
    engines = (ROOT.parent / "recipes" / "engines").glob("*.toml")
    assert [file.name for file in engines if "trust" in file.read_text(encoding="utf-8")] == []
