"""File names of untrusted input, made safe to show and to save under."""

import re
import unicodedata


def clean_name(name: str) -> str:
    """A An untrusted file name made safe to show and to save under.

    Folders, control characters and text-direction marks go; what a file system or a page could
    misread becomes ``_``; at most 120 characters stay. ``image`` when nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(c for c in last if c == " " or unicodedata.category(c)[0] not in "CZ")
    shown = re.sub(r'[<>:"|?*]', "_", shown).strip(" .")
    if len(shown) > 120:
        stem, dot, suffix = shown.rpartition(".")
        keep_suffix = bool(dot) and len(suffix) <= 8
        shown = f"{stem[: 119 - len(suffix)]}.{suffix}" if keep_suffix else shown[:120]
    return shown or "image"
