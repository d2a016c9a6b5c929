"""What every command prints: one JSON document or lines on stdout, progress on stderr."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def show(document: object, lines: Sequence[str], *, as_json: bool) -> None:
    """The answer of a command."""
    text = json.dumps(document, indent=2, allow_nan=False) if as_json else "\n".join(lines)
    sys.stdout.write(text + "\n")


def say(line: str) -> None:
    """A line for a person who waits."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
