"""The copy in MLflow: complete, written once, and never in the way of a training."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.config import RunConfig
from core.errors import InputError
from core.runs import Run, create_run, tracking
from core.runs.step_log import StepLog
from core.runs.tracking import one_run as mirror
from core.system.files import read_json, write_json

ROOT = Path(__file__).parents[1]
CONFIG = RunConfig(dataset="phantoms", model_options={"base_filters": 4}, epochs=9)

# MLflow and SQLAlchemy warn about each other, and leave connections to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store without runs; making one takes longer than all else here."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOLINE_HOME", str(folder))
        mirror.open_store()
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture(autouse=True)
def store(home: Path, monkeypatch: pytest.MonkeyPatch, empty_store: bytes) -> Path:
    """The SQLite file of this test's workspace."""
    monkeypatch.setenv("ISOLINE_TRACKING", "on")
    file = home / "mlflow.db"
    file.write_bytes(empty_store)
    return file


def epoch(n: int) -> dict[str, Any]:
    return {
        "epoch": n,
        "train_loss": 1 / n,
        "val_loss": 1.5 / n,
        "val_dice": 1 - 0.5 / n,
        "learning_rate": 0.001,
        "images_per_second": 20.0 + n,
        "seconds": 2.5,
    }


def trained(name: str, *, epochs: int, state: str = "running") -> Run:
    """A run as the loop leaves it after so many epochs of four steps."""
    run = create_run(CONFIG, name=name)
    go_on(run, epochs=epochs, state=state)
    return run


def go_on(run: Run, *, epochs: int, state: str = "running") -> None:
    log = StepLog(run.path)
    for n in range(len(run.history) + 1, epochs + 1):
        log.append(n, [1 / (n + step / 4) for step in range(4)], [0.001] * 4)
    run.save_history([epoch(n) for n in range(1, epochs + 1)])
    run.save_status(state)


def stored(name: str) -> Any:
    """A run as another program reads it from the store."""
    client = mirror.open_store()
    experiment = client.get_experiment_by_name(mirror.EXPERIMENT)
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`isoline.run` = '{name}'")
    assert len(found) == 1, "each run once"
    return found[0]


def curve(name: str, key: str) -> list[tuple[int, float]]:
    points = mirror.open_store().get_metric_history(stored(name).info.run_id, key)
    return [(point.step, point.value) for point in sorted(points, key=lambda p: p.step)]


def assert_complete(run: Run) -> None:
    """Every number of the folder is in the store, once."""
    history = run.history
    for key in ("train_loss", "val_dice", "learning_rate", "images_per_second"):
        assert curve(run.name, key) == [(row["epoch"], row[key]) for row in history]
    steps = [(row["step"], row["loss"]) for row in StepLog(run.path).rows]
    assert curve(run.name, "step_loss") == steps
    assert tracking.sync([run]) == {"written": [], "left": [], "reason": None}


def test_everything_of_a_run_is_in_the_store() -> None:
    run = trained("one", epochs=3)
    run.say_about(tags=("good", "small"), note="as in the paper", group="rates")
    write_json(
        run.path / "facts.json",
        {
            "machine": {"processor": "A", "gpus": ["B"]},
            "git": {"commit": "c" * 40, "changed": False},
            "data_sha256": "d" * 64,
            "split_hash": "e" * 64,
        },
    )
    run.save_evaluation({"split": "val", "pooled": {"dice": 0.5}})
    (run.path / "samples" / "3-0.png").write_bytes(b"a picture")
    assert tracking.sync([run])["written"] == ["one"]
    assert_complete(run)
    copy = stored("one")
    assert copy.info.run_name == "one"
    assert copy.info.status == "RUNNING"
    params = copy.data.params
    assert (params["model"], params["epochs"], params["model_options.base_filters"]) == (
        *("unet", "9", "4"),
    )
    assert params["augmentation.zoom"] == "0.1"
    tags = copy.data.tags
    assert tags["isoline.tags"] == "good,small"
    assert tags["mlflow.note.content"] == "as in the paper"
    assert tags["mlflow.source.git.commit"] == "c" * 40
    assert (tags["isoline.split_hash"], tags["isoline.processor"]) == ("e" * 64, "A")
    client = mirror.open_store()
    names = {file.path for folder in ("samples", "evaluation", None)
             for file in client.list_artifacts(copy.info.run_id, folder)}  # fmt: skip
    assert names >= {"config.json", "samples/3-0.png", "evaluation/val.json"}


def test_what_is_new_is_added_and_the_end_is_told() -> None:
    run = trained("one", epochs=2)
    mirror.mirror(run)
    assert_complete(run)
    go_on(run, epochs=5)
    mirror.mirror(run)
    assert_complete(run)
    run.say_about(starred=True)
    mirror.mirror(run)
    assert stored("one").data.tags["isoline.starred"] == "True"
    for state, theirs in (("stopped", "KILLED"), ("running", "RUNNING"), ("finished", "FINISHED")):
        run.save_status(state)
        mirror.mirror(run)
        assert stored("one").info.status == theirs
    assert_complete(run)


def test_a_setting_that_is_changed_later_becomes_a_tag() -> None:
    run = trained("one", epochs=2)
    mirror.mirror(run)
    write_json(run.path / "config.json", run.config.document() | {"epochs": 20})
    mirror.mirror(run)
    copy = stored("one")
    assert (copy.data.params["epochs"], copy.data.tags["now.epochs"]) == ("9", "20")


def test_a_run_whose_process_is_gone_is_not_left_running() -> None:
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run = trained("one", epochs=1)
    import psutil

    run.save_status("running", process=psutil.Process(ended.pid))
    mirror.mirror(run)
    assert stored("one").info.status == "RUNNING"
    ended.kill()
    ended.communicate()
    assert tracking.sync([run])["written"] == ["one"]
    assert stored("one").info.status == "FAILED"


@pytest.mark.parametrize("lost", ["cursor", "half of it"])
def test_a_crash_between_store_and_cursor_doubles_nothing(lost: str) -> None:
    run = trained("one", epochs=3)
    mirror.mirror(run)
    cursor = read_json(run.path / mirror.CURSOR)
    # As it was on disk when the values were in the store and the cursor not yet moved on.
    before = cursor | {"epochs": 0, "steps": 0, "artifacts": {}, "params": {}, "seen": None}
    if lost == "cursor":
        before |= {"run_id": None}
    write_json(run.path / mirror.CURSOR, before)
    assert tracking.sync([run])["written"] == ["one"]
    assert_complete(run)
    assert read_json(run.path / mirror.CURSOR)["run_id"] == cursor["run_id"]


@pytest.fixture
def locked(store: Path) -> Iterator[Callable[[], None]]:
    """The store, held by another process until the function is called."""
    program = (
        "import sqlite3, sys\n"
        "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('begin exclusive')\nprint('held', flush=True)\ninput()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    yield lambda: (holder.communicate(b"\n"), None)[1]
    if holder.poll() is None:
        holder.kill()
        holder.communicate()


@pytest.mark.slow
def test_a_locked_store_is_written_later(locked: Callable[[], None]) -> None:
    run = trained("one", epochs=3, state="finished")
    other = trained("two", epochs=1, state="finished")
    done = tracking.sync([run, other])
    assert (done["written"], done["left"]) == ([], ["one", "two"])
    assert "locked" in done["reason"]
    locked()
    assert tracking.sync([run, other])["written"] == ["one", "two"]
    assert_complete(run)
    assert_complete(other)


def out_of_reach(how: str, store: Path, patch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the store fail in one way; the function that mends it."""
    content = store.read_bytes()
    if how == "no such folder":
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store.parent / 'gone' / 'mlflow.db'}")
        return (store.parent / "gone").mkdir
    if how == "a server that refuses":
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        return lambda: patch.delenv("MLFLOW_TRACKING_URI")
    if how == "no database":
        store.write_bytes(b"these are no tables" * 100)
        return lambda: (store.write_bytes(content), None)[1]
    with sqlite3.connect(store) as refusing:
        refusing.execute(
            "create trigger refuse before insert on metrics "
            "begin select raise(abort, 'no more rows'); end"
        )
    refusing.close()

    def mend() -> None:
        with sqlite3.connect(store) as mended:
            mended.execute("drop trigger refuse")
        mended.close()

    return mend


@pytest.mark.parametrize(
    "how", ["no such folder", "a server that refuses", "no database", "a table that refuses"]
)
def test_a_store_out_of_reach_is_written_later_and_once(
    store: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    run = trained("one", epochs=3)
    mend = out_of_reach(how, store, monkeypatch)
    started = time.monotonic()
    done = tracking.sync([run])
    assert (done["written"], done["left"]) == ([], ["one"])
    assert "the tracking store" in done["reason"]
    assert "\n" not in done["reason"]
    assert time.monotonic() - started < 30
    go_on(run, epochs=4, state="finished")
    assert tracking.sync([run])["left"] == ["one"]
    mend()
    assert tracking.sync([run])["written"] == ["one"]
    assert_complete(run)
    assert stored("one").info.status == "FINISHED"


@pytest.mark.slow
def test_a_disk_without_room_is_written_later_and_once(store: Path) -> None:
    run = trained("one", epochs=3)
    program = (
        "import json, os, resource, signal, sys\n"
        "from core.runs import tracking\n"
        "from core.runs.tracking import one_run as mirror\n"
        "from core.runs import list_runs\n"
        "mirror.open_store()\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (16384, resource.RLIM_INFINITY))\n"
        "print(json.dumps(tracking.sync(list_runs())))\n"
    )
    no_room = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    done = json.loads(no_room.stdout)
    assert (done["written"], done["left"]) == ([], ["one"]), no_room.stderr
    assert "full" in done["reason"] or "disk I/O" in done["reason"]
    assert store.exists()
    assert tracking.sync([run])["written"] == ["one"]
    assert_complete(run)


def test_another_store_gets_all_of_it(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained("one", epochs=2)
    mirror.mirror(run)
    other = store.with_name("team.db")
    other.write_bytes(store.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}")
    with sqlite3.connect(other) as emptied:
        for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
            emptied.execute(f"delete from {table}")  # noqa: S608 - names from the line above
    emptied.close()
    assert tracking.sync([run])["written"] == ["one"]
    assert_complete(run)


@pytest.mark.slow
def test_following_starts_at_once_and_ends_with_the_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("one", epochs=1)
    monkeypatch.setenv("ISOLINE_JOB", "a job")
    started = time.perf_counter()
    tracking.follow(run)
    assert time.perf_counter() - started < 0.5, "the training continues meanwhile"
    follower = tracking._FOLLOWERS.pop()
    assert os.getsid(follower.pid) == follower.pid
    assert b"ISOLINE_JOB" not in Path(f"/proc/{follower.pid}/environ").read_bytes()
    for epochs in (2, 3):
        time.sleep(0.5)
        go_on(run, epochs=epochs)
    go_on(run, epochs=4, state="finished")
    assert follower.wait(120) == 0, (run.path / "tracking.txt").read_text()
    assert_complete(run)
    assert stored("one").info.status == "FINISHED"
    assert (home / "mlflow.db").exists()


def test_following_gives_up_on_a_store_that_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(os, "nice", lambda _more: 0)  # these tests keep their priority
    run = trained("one", epochs=1, state="finished")
    started = time.monotonic()
    assert not tracking.follow_to_its_end(run, poll_seconds=0.05)
    assert time.monotonic() - started < 60
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking.follow_to_its_end(run, poll_seconds=0.05)
    assert_complete(run)


def test_following_takes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch every few milliseconds is not copied every few milliseconds; the end is at once."""
    monkeypatch.setattr(os, "nice", lambda _more: 0)
    run = trained("one", epochs=1)
    looks, clock = [], [0.0]

    def look(run: Run) -> None:
        looks.append(clock[0])
        spend(0.1)
        mirror.mirror(run)

    def pass_by(seconds: float) -> None:
        clock[0] += seconds
        epochs = len(run.history) + 1
        go_on(run, epochs=epochs, state="finished" if epochs == 100 else "running")

    def spend(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(tracking, "mirror", look)
    monkeypatch.setattr(
        tracking,
        "time",
        SimpleNamespace(monotonic=lambda: clock[0], process_time=lambda: clock[0], sleep=pass_by),
    )
    assert tracking.follow_to_its_end(run, poll_seconds=0.5)
    gaps = np.diff(looks)
    assert len(looks) >= 4
    assert gaps[:-1].min() >= 0.1 / tracking.SHARE, "but for the last, which is the end"
    assert_complete(run)


@pytest.mark.slow
def test_two_at_once_write_it_once() -> None:
    run = trained("one", epochs=3)
    with (
        tracking._alone(run, seconds=1),
        pytest.raises(InputError, match="by another process"),
        tracking._alone(run, seconds=0.1),
    ):
        pytest.fail("two held it")
    program = (
        "from core.runs import list_runs\nfrom core.runs.tracking import sync\nsync(list_runs())\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for _ in range(2)]
    assert [one.wait(120) for one in both] == [0, 0]
    assert_complete(run)


@pytest.mark.slow
def test_a_program_that_starts_catches_up_in_the_background() -> None:
    run, other = trained("one", epochs=2, state="finished"), trained("two", epochs=1)
    tracking.catch_up()
    assert tracking._FOLLOWERS.pop().wait(120) == 0
    assert_complete(run)
    assert_complete(other)


def test_switched_off_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOLINE_TRACKING", "off")
    run = trained("one", epochs=1)
    before = len(tracking._FOLLOWERS)
    tracking.follow(run)
    assert len(tracking._FOLLOWERS) == before
    assert not (run.path / "tracking.txt").exists()
