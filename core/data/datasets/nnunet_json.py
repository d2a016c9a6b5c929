"""What the ``dataset.json`` of nnU-Net and of the Decathlon says, in its old and new form."""

import json
from dataclasses import dataclass
from typing import Any

from core.data.archive import Archive
from core.data.base import Problem
from core.errors import InputError


@dataclass(frozen=True)
class Description:
    """What ``dataset.json`` says."""

    name: str
    channels: tuple[str, ...]
    """Names of the channels, in order."""
    classes: tuple[str, ...]
    """Names of the classes 1…K."""
    class_of_label: dict[int, int]
    """Label of the files → class 0…K."""
    regions: dict[str, tuple[int, ...]]
    """Where labels overlap: region → the classes it is made of; else empty."""
    license: str
    reference: str


def describe(archive: Archive, name: str) -> tuple[Description, list[Problem]]:
    """Read ``dataset.json`` in its old and new form.

    Raises:
        InputError: Not JSON, or without labels that can be understood.
    """
    where = archive.where(name)
    try:
        document = json.loads(archive.read(name).decode("utf-8-sig"))
    except InputError:
        raise
    except (ValueError, RecursionError) as fault:
        raise InputError(f"{where}: not valid JSON ({fault}); correct the file") from fault
    try:
        channels = document.get("channel_names") or document.get("modality") or ["image"]
        if isinstance(channels, dict):
            channels = [channels[key] for key in sorted(channels, key=int)]
        if isinstance(channels, str):
            channels = [channels]
        channels = tuple(map(str, channels))
        labels = _labels(document["labels"])
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise InputError(
            f'{where}: not as nnU-Net wants it; give "labels" as {{"background": 0, "tumour": 1}} '
            'and "channel_names" as {"0": "CT"}'
        ) from fault
    ignored = labels.pop("ignore", ())
    values = sorted({value for region in labels.values() for value in region} - {0})
    if not values or values[0] < 0 or len(values) > 255:
        raise InputError(f"{where}: {len(values)} labels above 0; expected 1 to 255")
    # each value belongs to the smallest region that has it; regions without one of their own go
    smallest = {
        v: min((r for r in labels if v in labels[r]), key=lambda r: len(labels[r])) for v in values
    }
    classes = tuple(dict.fromkeys(smallest[value] for value in values))
    class_of_label = {0: 0, **dict.fromkeys(ignored, 0)}
    class_of_label |= {value: classes.index(smallest[value]) + 1 for value in values}
    overlapping = any(len(region) > 1 for region in labels.values())
    regions = {
        name: tuple(sorted({class_of_label[value] for value in region}))
        for name, region in labels.items()
        if overlapping and 0 not in region
    }
    problems = []
    if ignored:
        detail = f"pixels to ignore (label {ignored[0]}) count as background here"
        problems.append(Problem(kind="ignore_label", where=name, detail=detail))
    about = Description(
        name=str(document.get("name") or document.get("dataset_name") or "nnU-Net data set"),
        channels=channels,
        classes=classes,
        class_of_label=class_of_label,
        regions=regions,
        license=str(document.get("licence") or document.get("license") or "not stated"),
        reference=str(document.get("reference") or document.get("citation") or "not stated"),
    )
    return about, problems


def _labels(found: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Name → values, from ``{"0": "background"}``, ``{"background": 0}`` or lists of values."""
    labels: dict[str, tuple[int, ...]] = {}
    if all(isinstance(value, str) and key.isdecimal() for key, value in found.items()):
        for key, name in found.items():
            labels[name] = (*labels.get(name, ()), int(key))
    else:
        for name, value in found.items():
            labels[name] = tuple(map(int, value if isinstance(value, list) else [value]))
    return labels
