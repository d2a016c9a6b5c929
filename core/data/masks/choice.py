"""What a person says that masks are: kept in a small file on top of the data set's copy.

``isoline-masks.json`` holds ``{"masks": "graded"}``. It is a part of the data set, so that a
training, an evaluation and a check of the same files cannot differ in it.
"""

import json

from core.data.archive import Archive
from core.data.masks.values import KINDS
from core.errors import InputError

CHOICE = "isoline-masks.json"


def check_kind(kind: str) -> None:
    """Refuse what masks cannot be taken for.

    Raises:
        InputError: It is none of ``KINDS``.
    """
    if kind not in KINDS:
        raise InputError(f"masks '{kind}'; choose one of {', '.join(KINDS)}")


def choice_text(kind: str) -> str:
    """The file's content for one of ``KINDS``.

    Raises:
        InputError: As ``check_kind``.
    """
    check_kind(kind)
    return json.dumps({"masks": kind}) + "\n"


def chosen_kind(archive: Archive) -> str:
    """One of ``KINDS``; empty where there is no such file, and the masks decide.

    Raises:
        InputError: The file is none that ``choice_text`` writes.
    """
    if CHOICE not in archive.names:
        return ""
    try:
        kind = str(json.loads(archive.read(CHOICE))["masks"])
        check_kind(kind)
    except (InputError, KeyError, TypeError, ValueError):
        raise InputError(
            f"{archive.where(CHOICE)}: expected {{'masks': one of {', '.join(KINDS)}}}; "
            "correct it or remove it"
        ) from None
    return kind
