"""Checkpoints: what is read is what was written, or it is refused."""

import hashlib
import io
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.runs.checkpoint import MAGIC, load_checkpoint, load_first_whole, save_checkpoint

STATE: dict[str, Any] = {
    "model": {"weight": torch.arange(500.0), "steps": torch.tensor(3)},
    "epoch": 4,
    "history": [{"val_dice": 0.5, "note": "ü"}],
    "nothing": None,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "last.pt"
    save_checkpoint(path, STATE)
    return path


def test_what_was_written_is_read(file: Path) -> None:
    state = load_checkpoint(file)
    assert torch.equal(state["model"].pop("weight"), STATE["model"]["weight"])
    assert state["model"]["steps"] == 3
    assert {key: state[key] for key in ("epoch", "history", "nothing")} == {
        key: STATE[key] for key in ("epoch", "history", "nothing")
    }


def test_the_same_state_gives_the_same_bytes(file: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "twin.pt", STATE)
    assert (tmp_path / "twin.pt").read_bytes() == file.read_bytes()


def test_a_new_one_replaces_the_old_one_and_leaves_nothing_else(file: Path) -> None:
    save_checkpoint(file, {"epoch": 5})
    assert load_checkpoint(file) == {"epoch": 5}
    assert [path.name for path in file.parent.iterdir()] == ["last.pt"]


def test_the_one_before_is_kept_when_asked(file: Path) -> None:
    before = file.with_name("last-1.pt")
    for epoch in (5, 6, 7):
        save_checkpoint(file, {"epoch": epoch}, keep=before)
        assert load_checkpoint(file) == {"epoch": epoch}
        assert load_checkpoint(before)["epoch"] == (4 if epoch == 5 else epoch - 1)
    assert sorted(path.name for path in file.parent.iterdir()) == ["last-1.pt", "last.pt"]


def test_the_one_before_is_kept_where_files_have_one_name(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("this file system knows no links")

    monkeypatch.setattr("os.link", refuse)
    content = file.read_bytes()
    save_checkpoint(file, {"epoch": 5}, keep=file.with_name("last-1.pt"))
    assert file.with_name("last-1.pt").read_bytes() == content


def test_after_a_crash_between_both_names_nothing_is_left_behind(file: Path) -> None:
    before = file.with_name("last-1.pt")
    before.hardlink_to(file)
    save_checkpoint(file, {"epoch": 5}, keep=before)
    assert (load_checkpoint(file)["epoch"], load_checkpoint(before)["epoch"]) == (5, 4)
    assert sorted(path.name for path in file.parent.iterdir()) == ["last-1.pt", "last.pt"]


def test_the_first_whole_one_is_taken(file: Path) -> None:
    before = file.with_name("last-1.pt")
    save_checkpoint(before, {"epoch": 3})
    assert load_first_whole([file, before])[1:] == (file, "")
    file.write_bytes(file.read_bytes()[:-1])
    state, taken, fault = load_first_whole([file, before])
    assert (state, taken) == ({"epoch": 3}, before)
    assert str(file) in fault
    file.unlink()
    assert load_first_whole([file, before])[1:] == (before, "")
    before.write_bytes(b"")
    with pytest.raises(InputError, match=r"last-1\.pt: not a checkpoint"):
        load_first_whole([file, before])
    before.unlink()
    with pytest.raises(InputError, match="no such checkpoint; train the run first"):
        load_first_whole([file, before])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed(file: Path, place: float, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    spoilt = file.with_name("spoilt.pt")
    spoilt.write_bytes(content)
    with pytest.raises(InputError, match=r"not a checkpoint of Isoline|damaged"):
        load_checkpoint(spoilt)


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 20, 40, 41, 1000, -1])
def test_a_truncated_one_is_refused(file: Path, kept: int) -> None:
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match=rf"{file}: .*(not a checkpoint of Isoline|damaged)"):
        load_checkpoint(file)


def test_a_longer_one_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(InputError, match="damaged"):
        load_checkpoint(file)


def test_a_file_of_torch_alone_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 1}, tmp_path / "foreign.pt")
    with pytest.raises(InputError, match="not a checkpoint of Isoline; point at a run folder"):
        load_checkpoint(tmp_path / "foreign.pt")


def test_a_missing_one_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such checkpoint; train the run first"):
        load_checkpoint(tmp_path / "none.pt")


def test_code_in_a_file_with_a_good_digest_is_not_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "harm",)

    buffer = io.BytesIO()
    torch.save({"epoch": Harm()}, buffer)
    payload = buffer.getvalue()
    path = tmp_path / "crafted.pt"
    path.write_bytes(MAGIC + hashlib.sha256(payload).digest() + payload)
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(path)
    assert not (tmp_path / "harm").exists()


def test_a_checkpoint_is_in_memory_once_while_it_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "large.pt"
    save_checkpoint(path, {str(n): torch.full((50_000,), float(n)) for n in range(100)})
    whole = path.stat().st_size
    load_checkpoint(path)  # what is imported on the way is not counted
    tracemalloc.start()
    try:
        state = load_checkpoint(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert torch.equal(state["99"], torch.full((50_000,), 99.0))
    assert peak < 1.5 * whole, "tensors are counted by torch; these are the bytes of the file"
