"""What a run was trained with besides its settings: machine, versions, git state, data and split.

Written to ``facts.json`` in the run's folder when it is started for the first time; every later
start adds a line to ``starts``.
"""

import os
import platform
import subprocess
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from core.runs import Run
from core.system.files import write_json
from core.system.home import ROOT

VERSIONS = ("torch", "numpy", "segmentation-models-pytorch", "monai")


def record_facts(run: Run, *, data_sha256: str, split_hash: str) -> None:
    """Write down what a start runs on; to be called once per start, before the first step."""
    machine, git = machine_facts(), git_state()
    facts = run.facts or {
        "machine": machine,
        "git": git,
        "data_sha256": data_sha256,
        "split_hash": split_hash,
        "starts": [],
    }
    start = {"time": time.time(), "epochs_done": len(run.history), "machine": machine, "git": git}
    write_json(run.path / "facts.json", {**facts, "starts": [*facts["starts"], start]})


def machine_facts() -> dict[str, Any]:
    """Processor, memory, GPUs, threads and the versions of what computes."""
    import torch  # 1 s, and whoever trains has it already

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())],
        "cuda": torch.version.cuda,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{name.replace("-", "_"): version(name) for name in VERSIONS},
    }


def git_state() -> dict[str, Any] | None:
    """Commit of the program and whether it was changed since; None outside a checkout."""
    if not (ROOT / ".git").exists():
        return None
    with suppress(OSError, subprocess.SubprocessError):
        commit, changes = (
            subprocess.run(
                ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=5
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
        return {"commit": commit, "changed": bool(changes)}
    return None


def processor() -> str:
    """Name of the processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
