"""The frozen values that rooms hand to one another. Units are in the names; everything computed is bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Text = Mapping[str, str]  # {"en": ..., "zh": ...}: texts that live in data files
StageName = Literal["fetch", "prepare", "train", "merge", "serve"]
FitStatus = Literal["fits", "tight", "no"]
Basis = Literal["measured", "simulated", "estimated"]
StageStatus = Literal["waiting", "building", "running", "ready", "done", "failed", "stopped"]
RunStatus = Literal["running", "serving", "done", "failed", "stopped", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, as a code of the word catalogue (`problem.<code>.what|why|next`) and its parameters."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


# --- the machine -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUser:
    pid: int
    name: str
    used_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    index: int
    name: str
    uuid: str
    total_bytes: int
    free_bytes: int
    reserved_bytes: int | None = None
    compute_capability: tuple[int, int] | None = None
    mig: bool | None = None
    unified: bool = False
    profile: str | None = None  # id of a board in hardware_profiles/
    users: tuple[GpuUser, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    name: str
    cores: int
    arch: str  # platform.machine(): x86_64, aarch64
    flags: tuple[str, ...] = ()  # only those that decide a dtype or an engine: avx2 avx512f avx512_bf16 amx_bf16 ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    path: str
    free_bytes: int
    total_bytes: int
    kind: Literal["local", "network", "memory"]
    bytes_per_second: float | None = None  # sequential read, measured; None = not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    gpus: tuple[Gpu, ...]
    cpu: Cpu
    ram_bytes: int
    ram_free_bytes: int
    disks: tuple[Disk, ...]  # the first is the one that holds $YCDY_HOME
    driver: str | None = None
    cuda: tuple[int, int] | None = None  # newest CUDA the driver can run
    pythons: Mapping[str, str] = field(default_factory=dict)  # "3.11" -> executable
    tools: tuple[str, ...] = ()  # system needs that are met: cc, python-headers, ...
    pretend: str | None = None  # the --pretend text, when this machine is not real
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A hardware profile: what is known of a card before one is seen."""

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()  # regular expressions on the NVML name, case ignored
    total_bytes: int = 0
    compute_capability: tuple[int, int] | None = None
    bandwidth_bytes_per_second: float = 0.0
    tflops: Mapping[str, float] = field(default_factory=dict)  # dense TFLOP/s by dtype: fp32 fp16 bf16 fp8
    overhead_bytes: int = 0  # CUDA context plus library handles
    reserved_bytes: int = 0  # of total_bytes, what the driver keeps: a program cannot have it
    unified: bool = False
    quirks: tuple[str, ...] = ()
    source: str = ""


# --- the catalogue ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    family: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    tied: bool
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0


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
    max_len: int = 2048
    licence: str = ""
    gated: bool = False
    sources: tuple[Source, ...] = ()
    template: str = ""  # the chat template's name, for previews before the model is here
    yours: bool = False  # from the user's own catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    id: str
    title: str
    trainable: Literal["adapter", "all"]
    base_bytes: float  # bytes per parameter of the frozen or trained base
    gradient_bytes: float  # per trainable parameter
    optimizer_bytes: float  # per trainable parameter
    quantisation: Literal["none", "nf4"] = "none"
    dora: bool = False
    needs: tuple[str, ...] = ()  # "cuda", ...
    yours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    accelerators: tuple[str, ...] = ()  # cpu cu12 cu13; empty = any that has a lock
    min_driver: Mapping[str, int] = field(default_factory=dict)  # accelerator -> major version of the driver
    min_capability: tuple[int, int] | None = None
    cpu_flags: tuple[str, ...] = ()
    arch: tuple[str, ...] = ()  # x86_64 aarch64
    system: tuple[str, ...] = ()  # cc python-headers ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    id: str
    title: str
    kinds: tuple[str, ...]  # fetch prepare train merge serve, or asset
    python: tuple[str, ...]  # versions it runs on, best first
    locks: Mapping[str, str]  # accelerator, or accelerator-pyXYZ -> file in recipes/engines/locks/
    needs: Needs = field(default_factory=Needs)
    argv: tuple[str, ...] = ()  # serve: template of the program's arguments, after the environment's python
    health: str = ""
    formats: tuple[str, ...] = ()
    warm: tuple[str, ...] = ()  # modules imported once after building, so that their bytecode exists
    environment: Mapping[str, str] = field(default_factory=dict)
    disk_bytes: Mapping[str, int] = field(default_factory=dict)  # accelerator -> size of the built environment
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
    zero_stage: int = 0
    n_gpus: int = 1
    save_steps: int = 50
    seed: int = 42


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
    task: str  # identity sft cpt dpo grpo vision serve
    method: str
    engines: Mapping[str, tuple[str, ...]]  # stage -> engines, first that can run here
    models: tuple[str, ...]  # ids or families; "*" = every model of the task's modality
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
    problems: tuple[Problem, ...] = ()


# --- what fits -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    label: str  # a word key: term.<label>
    bytes: int
    formula: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A change that would lift a `no`: code is a word key remedy.<code>."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    recipe: str
    model: str
    task: str
    method: str
    knobs: Knobs
    status: FitStatus
    peak_bytes: int
    reserved_bytes: int
    card_bytes: int
    safe_bytes: int
    capacity_bytes: int
    moment: str
    terms: tuple[Term, ...]
    basis: Basis = "estimated"
    reason: Problem | None = None  # why not, when status is no
    remedies: tuple[Remedy, ...] = ()
    gave_up: tuple[Mapping[str, Any], ...] = ()  # rungs of the ladder that were needed to fit
    seconds: float = 0.0
    ram_bytes: int = 0
    disk_bytes: int = 0
    download_bytes: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    engines: Mapping[str, str] = field(default_factory=dict)  # stage -> engine chosen on this machine
    engine_notes: tuple[Problem, ...] = ()  # why a better engine was passed over
    recommended: bool = False
    gpus: tuple[int, ...] = ()  # the cards it was judged on
    accelerator: str = "cpu"
    pythons: Mapping[str, str] = field(default_factory=dict)  # engine -> "3.11"
    rungs: tuple[Mapping[str, Any], ...] = ()  # concessions left below these knobs, each whole; rung 0 is {}
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    stage_memory: Mapping[str, int] = field(default_factory=dict)
    stage_disk: Mapping[str, int] = field(default_factory=dict)
    merge_device: Literal["cpu", "cuda"] = "cpu"  # the merge compares in fp32: the card may be too small for it


# --- data ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    line: int
    code: str
    what: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)  # of the words reject.<code>


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReport:
    """What a data source was recognised as. The JSON of ARCHITECTURE.md, section 7, is this, field by field."""

    kind: str
    format: str
    encoding: str
    mapping: Mapping[str, str]
    exact: bool
    rows: int
    usable: int
    rejected: tuple[Rejected, ...]
    samples: tuple[Mapping[str, Any], ...]  # {"messages": [{"role", "content"}]}
    tasks: tuple[str, ...]
    modality: tuple[str, ...] = ("text",)
    characters: int = 0  # of the usable rows
    reasons: Mapping[str, int] = field(default_factory=dict)  # reject code -> rows; `rejected` lists the first of them


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    kind: Literal["bundled", "path"]
    ref: str  # data set id, or path
    params: Mapping[str, str] = field(default_factory=dict)  # bundled: name, author
    language: str = "en"
    format: str = ""  # "" = recognise
    encoding: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""  # of the source's bytes: a replay refuses other data


# --- plan ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """All that a person, flags or a file decide."""

    recipe: str
    model: str
    knobs: Knobs
    data: DataChoice
    questions: tuple[str, ...] = ()
    serve: bool = True
    port: int = 0  # 0 = any free one
    hub: Literal["auto", "modelscope", "huggingface"] = "auto"
    revision: str = ""
    engines: Mapping[str, str] = field(default_factory=dict)  # stage -> engine, when forced
    requirements: Mapping[str, str] = field(default_factory=dict)  # environment id -> exact package list (a replay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One engine's environment. Its requirements lie beside plan.json in environments/<id>.txt."""

    id: str  # <engine>-<accelerator>-py311
    engine: str
    accelerator: str
    python: str  # "3.11"
    digest: str  # of requirements, accelerator, Python: the folder's name is <engine>-<digest>
    warm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    name: StageName
    folder: str  # 03-train
    engine: str
    environment: str  # Environment.id
    assets: tuple[str, ...] = ()  # further environments whose files it reads
    spec: Mapping[str, Any] = field(default_factory=dict)
    rungs: tuple[Mapping[str, Any], ...] = ()  # rung 0 is {}: no concession
    inputs: tuple[str, ...] = ()  # names of earlier stages
    outputs: tuple[str, ...] = ()
    digest: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0  # forecast
    memory_bytes: int = 0
    disk_bytes: int = 0
    service: bool = False  # runs until stopped; never done


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    run: str
    created: float
    language: str
    choice: Choice
    device: Literal["cpu", "cuda"]
    gpus: tuple[int, ...]
    stages: tuple[Stage, ...]
    environments: tuple[Environment, ...]
    forecast: Verdict
    lib: str = ""  # digest of the engine-side code, set at launch
    pretend: str | None = None


# --- what happened ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    step: int
    total: int
    values: Mapping[str, float]
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line of what is going on, for people: a word key note.<code> and its parameters."""

    at: float
    stage: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    level: Literal["info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    name: str
    status: StageStatus = "waiting"
    attempt: int = 0
    rung: int = 0
    phase: str = ""  # a word key phase.<code>
    done: float = 0.0
    total: float = 0.0
    unit: str = ""  # bytes rows steps packages
    started: float = 0.0
    ended: float = 0.0
    problem: Problem | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    run: str
    status: RunStatus
    stages: tuple[StageState, ...]
    stage: str = ""  # the current or last one
    step: int = 0
    total: int = 0
    latest: Mapping[str, float] = field(default_factory=dict)
    best_loss: float | None = None
    series: tuple[Metric, ...] = ()  # strided sample, oldest first; a resumed step counts once, the last wins
    exact: bool = True  # False while only the tail and a sample were read
    meter: Mapping[str, float] = field(default_factory=dict)  # newest gauges: cpu_percent rss_bytes gpu0_used_bytes ...
    notes: tuple[Note, ...] = ()
    endpoint: str = ""
    served_model: str = ""
    served_engine: str = ""
    checkpoint_step: int = 0
    checkpoint_at: float = 0.0
    problem: Problem | None = None
    started: float = 0.0
    updated: float = 0.0
