"""What the TOML files become: models, methods, engines, data sets, recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wizard.contract.architecture import Architecture
from wizard.contract.machine import Board
from wizard.contract.problem import Problem
from wizard.contract.results import Direction

Trainer = Literal[  # each a module of wizard.stages.training
    "sft", "classification", "embedding", "reranker", "dpo", "kto", "orpo", "cpo", "reward", "vision", "grpo",
    "rloo", "distil",
    "none",  # what is served as it is
]  # fmt: skip
Tuner = Literal[  # each a function of wizard.tuners.configuring
    "lora", "loraplus", "loftq", "adalora", "vera", "miss", "oft", "boft", "ia3", "unsloth", "full", "freeze",
    "adapter", "lisa", "llama-pro", "galore", "apollo", "fp8", "none",
]  # fmt: skip
Text = Mapping[str, str]  # {"en": ..., "zh": ...}: texts that live in data files


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a model can be had. `ref`: a hub id, a folder, or, for bundled, the engine whose environment carries it."""

    kind: Literal["bundled", "path", "modelscope", "huggingface"]
    ref: str
    revision: str = ""
    file: str = ""  # bundled: the file inside that environment's site-packages
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    id: str
    title: str
    params: int
    architecture: Architecture
    modality: tuple[str, ...] = ("text",)
    tasks: tuple[str, ...] = ("*",)  # what a recipe for "*" may tune it for; empty: known for estimates only
    max_len: int = 2048
    licence: str = ""
    gated: bool = False
    advised: bool = False  # a family that a first choice is taken from, as long as one of it fits
    sources: tuple[Source, ...] = ()
    template: str = ""  # the chat template's name, for previews before the model is here
    tools: str = ""  # how it writes a call of a tool: a name that an engine's `tools` knows; "": it calls none
    reasoning: str = ""  # how it tells that it thinks, likewise
    own_code: bool = False  # works only with Python that comes with it, which is never run
    held: Literal["", "gptq", "awq"] = ""  # in 4 bits since before it came here; for recipes that name such alone
    yours: bool = False  # from the user's own catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    id: str
    title: str
    trainable: Literal["adapter", "all", "nothing"]  # what is saved: numbers beside the base's, or a model of its own
    base: Literal["whole", "nf4", "nf4-dq", "int8", "gptq", "awq", "hqq", "fp8"] = "whole"  # 16 or 32 bits
    tuner: Tuner = "lora"
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the tuner's configuration, by its library's names
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of transformers' TrainingArguments
    yours: bool = False

    @property
    def quantised(self) -> bool:
        return self.base != "whole"

    @property
    def trains(self) -> bool:
        return self.trainable != "nothing"

    @property
    def dora(self) -> bool:
        return bool(self.settings.get("use_dora"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    accelerators: tuple[str, ...] = ()  # cpu cu12 cu13; empty = any that has a lock
    min_driver: Mapping[str, int] = field(default_factory=dict)  # accelerator -> major version of the driver
    min_capability: tuple[int, int] | None = None
    cpu_flags: tuple[str, ...] = ()
    arch: tuple[str, ...] = ()  # x86_64 aarch64
    build_arch: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # accelerator -> where its build differs
    system: tuple[str, ...] = ()  # cc python-headers ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    id: str
    title: str
    kinds: tuple[str, ...]  # fetch prepare train merge serve simulate, or asset
    python: tuple[str, ...]  # versions it runs on, best first
    locks: Mapping[str, str]  # accelerator, or accelerator-pyXYZ -> file in recipes/engines/locks/
    needs: Needs = field(default_factory=Needs)
    argv: tuple[str, ...] = ()  # serve: template of the program's arguments, after the environment's python
    adapter_argv: tuple[str, ...] = ()  # serve: more of them where adapters lie beside the model
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # serve: more, for those that a plan asks for
    tools: Mapping[str, str] = field(default_factory=dict)  # a model's `tools` -> its parser of them
    reasoning: Mapping[str, str] = field(default_factory=dict)
    modality: tuple[str, ...] = ("text",)  # serve: what it reads
    paged: bool = False  # serve: reads a prompt in parts, into a cache that all requests share
    cards: bool = False  # serve: one model on several cards
    health: str = ""
    warm: tuple[str, ...] = ()  # modules imported once after building, so that their bytecode exists
    environment: Mapping[str, str] = field(default_factory=dict)
    disk_bytes: Mapping[str, int] = field(default_factory=dict)  # accelerator -> size of the built environment
    verified: Text = field(default_factory=dict)
    yours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whether an engine loads a format, and how that is known."""

    status: Literal["run", "parsed", "refused"]
    told: Text  # where and when it was run, what was parsed, why it is refused
    min_capability: tuple[int, int] | None = None  # of the card, for this format in this engine
    max_capability: tuple[int, int] | None = None
    group: int = 0  # the one number of weights to a scale that it takes; 0: any
    dtype: str = ""  # that the engine must be told
    argv: tuple[str, ...] = ()  # more that it must be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What the weights of a model may be written as, once it is trained."""

    id: str
    title: Text
    why: Text
    engine: str  # that writes it
    maker: str  # a module of wizard.stages.quantising
    bits: float  # of a quantised weight, with its scales
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the maker, by its library's names
    calibrated: bool = False  # rows are read to choose the numbers
    groups: tuple[int, ...] = ()  # of weights that share a scale, the largest first that divides the layers' sizes
    readers: Mapping[str, Reader] = field(default_factory=dict)  # engine that serves -> whether it loads it
    verified: Text = field(default_factory=dict)
    yours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A public set of questions, asked through the harness that it is known by."""

    id: str
    title: Text
    measures: Text  # what of a model it tells
    tool: Literal["lm-eval", "evalscope"]
    task: str  # its name there
    measure: str  # of those that the tool reports
    direction: Direction = "up"
    n: int = 0  # questions at most, of each subset; 0 = all
    shots: int = 0  # examples that are shown first
    subsets: tuple[str, ...] = ()  # of EvalScope; empty = all
    answer_tokens: int = 0  # at most, of an answer that is written; 0 = answers are only weighed
    data: str = ""  # the hub's id of the data set, of which a copy may lie here
    language: str = "en"
    verified: Text = field(default_factory=dict)
    yours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    seq_len: int = 1024
    micro_batch: int = 1
    accumulate: int = 8
    rank: int = 16
    alpha: int = 32
    targets: tuple[str, ...] = ("all-linear",)
    learning_rate: float = 2e-4
    epochs: float = 1.0
    max_steps: int = 0  # 0 = as many as the epochs ask for
    optimizer: str = "adamw_torch_fused"
    grad_ckpt: bool = True
    fused_loss: bool = False
    packing: bool = False
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    attention: Literal["auto", "flash", "sdpa", "eager"] = "auto"
    compile: bool = False
    offload_activations: bool = False
    zero_stage: int = 0
    fsdp: bool = False
    offload: Literal["none", "optimizer", "all"] = "none"
    sequence_parallel: int = 1
    n_gpus: int = 1
    nodes: int = 1
    save_steps: int = 50
    save_minutes: float = 10.0  # 0: by steps alone
    seed: int = 42

    @property
    def readers(self) -> int:
        """Groups of cards that read rows of their own: the cards of one sequence read it together."""
        return max(1, self.n_gpus * self.nodes // self.sequence_parallel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A bundled data set: rows with {name} and {author} to fill in, and the questions asked before and after."""

    id: str
    title: Text
    languages: tuple[str, ...]
    defaults: Mapping[str, Text]  # parameter -> default by language
    questions: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, tuple[Mapping[str, str], ...]]  # language -> {"question", "answer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    id: str
    title: Text
    why: Text
    task: str  # identity sft cpt dpo kto reward grpo vision serve
    method: str
    engines: Mapping[str, tuple[str, ...]]  # stage -> engines, first that can run here
    trainer: Trainer = "sft"
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the trainer's configuration, by its library's names
    merge: Literal["one", "apart"] = "one"  # apart: the adapter stays beside the base, and both are served
    models: tuple[str, ...]  # ids or families; "*": all that may be tuned for the task, "yours": a person's own of them
    accelerators: tuple[str, ...] = ("cpu", "cuda")
    datasets: tuple[str, ...] = ()
    knobs: Knobs = field(default_factory=Knobs)
    ladder: tuple[Mapping[str, Any], ...] = ()  # concessions, each a change of knobs, tried in order
    measured: tuple[Mapping[str, Any], ...] = ()
    verified: str = "parsed"
    yours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    recipes: Mapping[str, Recipe]
    models: Mapping[str, Model]
    methods: Mapping[str, Method]
    engines: Mapping[str, Engine]
    datasets: Mapping[str, Dataset]
    boards: Mapping[str, Board]
    formats: Mapping[str, Format] = field(default_factory=dict)
    benchmarks: Mapping[str, Benchmark] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
