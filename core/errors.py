"""The one error a person's input can raise; the command line and the pages show its sentence."""

from collections.abc import Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


class InputError(ValueError):
    """A person's file, path or setting cannot be used.

    The message is one line that says what is wrong, where, and what to do about it.
    """


def choose(kind: str, name: str, table: Mapping[str, Entry]) -> Entry:
    """Look a name up in a table of choices.

    Raises:
        InputError: There is no such name; the message lists those there are.
    """
    if name not in table:
        raise InputError(f"unknown {kind} '{name}'; choose one of {', '.join(table)}")
    return table[name]
