"""A training's progress bar on stderr: epoch, images/s, time left, validation Dice."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def training_progress() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that takes the training's reports and draws them.

    Without a terminal it writes one plain line per epoch.
    """
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console  # 50 ms; only for a person who watches
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[dice]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, epoch="1", speed="", left="", dice="")

        def report(event: dict[str, Any]) -> None:
            if event["event"] == "step":
                bar.update(
                    task,
                    total=event["epochs"] * event["steps"],
                    completed=(event["epoch"] - 1) * event["steps"] + event["step"],
                    epoch=f"{event['epoch']}/{event['epochs']}",
                    speed=f"{event['images_per_second']:.1f} images/s",
                    left=f"{duration(event['seconds_left'])} left",
                )
            elif event["event"] == "note":
                bar.console.print(event["text"])
            else:
                bar.update(task, dice=f"val Dice {event['val_dice']:.4f}")

        yield report


def duration(seconds: float) -> str:
    """Seconds in words: ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _plain(event: dict[str, Any]) -> None:
    if event["event"] == "note":
        print(event["text"], file=sys.stderr, flush=True)  # noqa: T201 - progress goes there
    if event["event"] == "epoch":
        left = event["epochs"] - event["epoch"]
        print(  # noqa: T201 - this is the progress line
            f"epoch {event['epoch']}/{event['epochs']}  train loss {event['train_loss']:.4f}  "
            f"val Dice {event['val_dice']:.4f}  {event['images_per_second']:.1f} images/s  "
            f"{duration(left * event['seconds'])} left",
            file=sys.stderr,
            flush=True,
        )
