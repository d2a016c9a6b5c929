"""Processes by identity: found again whatever the clock does, and never mistaken."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.system.processes import identity, is_local, living, send, start_ticks

OWN = identity(psutil.Process())


@given(st.floats(-1e8, 1e8))
def test_a_clock_step_changes_nobody(step: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        real = psutil.Process.create_time
        patch.setattr(psutil.Process, "create_time", lambda process: real(process) + step)
        found = living(OWN)
    assert found is not None
    assert found.pid == os.getpid()


@given(st.integers(-(10**6), 10**6).filter(bool))
def test_another_start_tick_is_another_process(ticks: int) -> None:
    assert living({**OWN, "start_ticks": OWN["start_ticks"] + ticks}) is None


@pytest.mark.parametrize("name", ["boot_id", "pid_namespace"])
def test_the_same_number_elsewhere_is_not_this_process(name: str) -> None:
    elsewhere = {**OWN, name: "another"}
    assert not is_local(elsewhere)
    assert living(elsewhere) is None
    assert not send(elsewhere, 0)  # type: ignore[arg-type]  # signal 0 only asks


def test_an_identity_of_an_earlier_version_is_still_read() -> None:
    earlier: dict[str, Any] = {name: OWN[name] for name in ("pid", "process_started")}
    assert living(earlier) is not None
    assert living({**earlier, "process_started": OWN["process_started"] - 100}) is None


def test_a_name_with_brackets_and_spaces_hides_no_tick(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c 1 2"
    program.symlink_to(sys.executable)
    child = subprocess.Popen([program, "-c", "input()"], stdin=subprocess.PIPE)
    ticks = start_ticks(child.pid)
    assert ticks is not None
    assert ticks >= OWN["start_ticks"]
    child.communicate(b"\n")
    assert start_ticks(child.pid) is None
