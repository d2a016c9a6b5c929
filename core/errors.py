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


def in_words(kind: object) -> str:
    """A type as a person writes its values: ``int | None`` is ``a whole number or nothing``."""
    names = str(getattr(kind, "__name__", kind)).split(" | ")
    return " or ".join(_KINDS.get(name, f"a {name}") for name in names)


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "None": "nothing",
    "NoneType": "nothing",
    "dict": "a table",
}


class NonFiniteError(InputError):
    """A network whose weights or values are no longer numbers."""

    def __init__(self) -> None:
        super().__init__("the network returned values that are not numbers; train it anew")
