from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from wizard.contract import Generator, Plan, Verdict
from wizard.errors import WizardError
from wizard.plan import FORMS, from_toml, job_of
from wizard.plan.clusters import Job, node
from wizard.plan.clusters import yaml as writer

Made = tuple[Plan, Mapping[str, str]]


@pytest.fixture
def job(made: Callable[..., Made], verdict: Verdict) -> Job:
    plan, _ = made()
    knobs = replace(plan.choice.knobs, n_gpus=4)
    forecast = replace(verdict, ram_bytes=100 << 30)
    return job_of(replace(plan, device="cuda", forecast=forecast, choice=replace(plan.choice, knobs=knobs)), nodes=2)


def test_what_has_its_answers_written_on_one_machine_is_no_job_for_two(
    made: Callable[..., Made], verdict: Verdict
) -> None:
    plan, _ = made()
    apart = Generator(gpus=(1,), needed_bytes=1, safe_bytes=1, capacity_bytes=2, passing_bytes=7)
    with pytest.raises(WizardError) as caught:
        job_of(replace(plan, device="cuda", forecast=replace(verdict, generator=apart)), nodes=2)
    assert caught.value.problem.code == "generator-on-one-machine"


def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def test_a_job_is_the_plan_for_so_many_machines_without_the_serving(job: Job) -> None:
    assert (job.nodes, job.cards, job.cpus, job.ram_gib) == (2, 4, 32, 125)
    choice = from_toml(job.toml, "run.toml")
    assert (choice.knobs.nodes, choice.knobs.n_gpus, choice.serve) == (2, 4, False)
    assert job.name.startswith("ycdy-")
    assert len(job.name) <= 40


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_run_itself_and_no_secret(form: str, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    text = FORMS[form](job)
    assert "hf_secret" not in text
    assert str(Path.home()) not in text.replace(job.toml, "")
    for word in ("YCDY_NODE_RANK", "YCDY_RENDEZVOUS", "stop --all", "exit 143", "smollm2-135m"):
        assert word in text


def test_the_batch_script_is_clean_bash(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "job.sh"
    file.write_text(FORMS["slurm"](job))
    subprocess.run(["bash", "-n", str(file)], check=True)
    done = subprocess.run([str(Path(sys.executable).parent / "shellcheck"), str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    told = [line for line in file.read_text().splitlines() if line.startswith("#SBATCH")]
    for wanted in ("--nodes=2", "--gpus-per-node=4", "--ntasks-per-node=1", "--requeue", "--signal=B:TERM@300"):
        assert f"#SBATCH {wanted}" in told


def test_the_machine_s_own_lines_are_clean_bash(tmp_path: Path) -> None:
    file = tmp_path / "node.sh"
    file.write_text("#!/usr/bin/env bash\n" + node.SCRIPT)
    done = subprocess.run([str(Path(sys.executable).parent / "shellcheck"), str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


SLURM = {
    "scontrol": 'if [ "$1" = show ]; then echo node-a; echo node-b; else echo "$*" >>"$CALLS"; fi',
    "scancel": 'echo "scancel $*" >>"$CALLS"; kill -TERM "$(cat "$STEP")"',
    "srun": 'shift; echo $$ >"$STEP"; SLURM_NODEID=1 exec "$@"',
}
PROGRAM = """
echo "$YCDY_HOME $YCDY_RENDEZVOUS $*" >>"$CALLS"
case "$1" in
  stop) touch "$STOPPED" ;;
  run) for _ in $(seq 200); do
    [ -e "$STOPPED" ] && exit 1
    [ -e "$QUICK" ] && exit "$(cat "$QUICK")"
    sleep 0.05
  done ;;
esac
"""


@pytest.fixture
def cluster(tmp_path: Path, job: Job) -> dict[str, str]:
    """A Slurm of four lines, and a program that runs until it is asked to stop."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, body in SLURM.items():
        (programs / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "program.sh").write_text(PROGRAM)
    (tmp_path / "job.sh").write_text(FORMS["slurm"](job))
    places = {name: str(tmp_path / name.lower()) for name in ("CALLS", "STEP", "STOPPED", "QUICK")}
    slurm = {"SLURM_JOB_NODELIST": "n", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "x", "PATH": f"{programs}:/usr/bin:/bin"}
    here = {"YCDY_SCRIPT": str(tmp_path / "program.sh"), "YCDY_JOB_HOME": str(tmp_path / "home")}
    return {**places, **slurm, **here, "JOB": str(tmp_path / "job.sh")}


def test_a_preempted_job_stops_with_a_checkpoint_and_goes_back_to_the_queue(cluster: dict[str, str]) -> None:
    process = subprocess.Popen(["bash", cluster["JOB"]], env=cluster)
    while not (os.path.exists(cluster["CALLS"]) and "run " in Path(cluster["CALLS"]).read_text()):
        assert process.poll() is None
    process.terminate()
    assert process.wait(20) == 143
    calls = Path(cluster["CALLS"]).read_text().splitlines()
    home = cluster["YCDY_JOB_HOME"]
    assert calls[0] == f"{home}/node-1 node-a:29400 run {home}/run.toml --yes --json"
    assert calls[1] == "scancel --signal=TERM 7"
    assert calls[2] == f"{home}/node-1 node-a:29400 stop --all --json"
    assert calls[3] == "requeue 7"


@pytest.mark.parametrize("code", [0, 1])
def test_a_job_that_ends_by_itself_ends_as_its_run_did(cluster: dict[str, str], code: int) -> None:
    Path(cluster["QUICK"]).write_text(str(code))
    assert subprocess.run(["bash", cluster["JOB"]], env=cluster, timeout=20).returncode == code
    assert "requeue" not in Path(cluster["CALLS"]).read_text()


def container(spec: dict[str, Any]) -> dict[str, Any]:
    (only,) = spec["containers"]
    return dict(only)


def test_a_jobset_has_a_pod_for_each_machine(job: Job) -> None:
    """Fields of jobset.sigs.k8s.io/v1alpha2 and batch/v1 as published."""
    settings, jobset = documents(FORMS["jobset"](job))
    assert (jobset["apiVersion"], jobset["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    assert set(jobset["spec"]) == {"network", "failurePolicy", "replicatedJobs"}
    (replicated,) = jobset["spec"]["replicatedJobs"]
    assert set(replicated) == {"name", "replicas", "template"}
    indexed = replicated["template"]["spec"]
    assert (indexed["completionMode"], indexed["completions"], indexed["parallelism"]) == ("Indexed", 2, 2)
    pod = indexed["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # which a podFailurePolicy wants
    train = container(pod)
    rules = indexed["podFailurePolicy"]["rules"]
    assert [rule["onExitCodes"]["values"] for rule in rules if "onExitCodes" in rule] == [[143]]
    assert {rule["onExitCodes"]["containerName"] for rule in rules if "onExitCodes" in rule} == {train["name"]}
    assert f"{job.name}-node-0-0.{job.name}:29400" in train["command"][2]
    assert train["resources"]["limits"] == {"cpu": "32", "memory": "125Gi", "nvidia.com/gpu": "4"}
    assert settings["data"] == {"run.toml": job.toml, "node.sh": node.SCRIPT}
    assert {mount["name"] for mount in train["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_a_pytorchjob_has_a_master_and_workers(job: Job) -> None:
    """Fields of kubeflow.org/v1 as published: the container has to be called `pytorch`."""
    settings, made = documents(FORMS["pytorchjob"](job))
    assert (made["apiVersion"], made["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    replicas = made["spec"]["pytorchReplicaSpecs"]
    assert {name: each["replicas"] for name, each in replicas.items()} == {"Master": 1, "Worker": 1}
    for each in replicas.values():
        assert each["restartPolicy"] == "ExitCode"
        assert container(each["template"]["spec"])["name"] == "pytorch"
    assert settings["kind"] == "ConfigMap"
    alone = documents(FORMS["pytorchjob"](replace(job, nodes=1)))[1]
    assert set(alone["spec"]["pytorchReplicaSpecs"]) == {"Master"}


def test_the_program_for_ray_holds_the_run_to_the_letter(job: Job) -> None:
    tree = ast.parse(FORMS["ray"](job))
    constants = {
        ast.unparse(line.targets[0]): ast.literal_eval(line.value)
        for line in tree.body
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant)
    }
    assert constants == {"RUN": job.toml, "NODE": node.SCRIPT}
    compile(tree, "job.py", "exec")


@pytest.mark.parametrize(
    "value",
    [
        {"a": "yes", "b": "0x1", "c": "null", "d": "1.0", "e": "", "f": "a: b # c"},
        {"text": "one\n\n  two\n", "cut": "one\ntwo", "list": [{"a": 1, "b": [1, {"c": None}]}, "x", [], {}]},
        {"nvidia.com/gpu": "1", "quote": 'he said "no"', "han": "训练", "true": True},
        {"a": " first\n", "b": "\n", "c": "x\n\n", "d": "tab\there\n", "1": "\r\nx"},
    ],
)
def test_what_is_written_as_yaml_is_read_back(value: Any) -> None:
    assert yaml.safe_load(writer.written(value)) == value
