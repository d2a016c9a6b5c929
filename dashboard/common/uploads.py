"""What a person uploads: an image, a slice of a volume, a whole volume, or many files at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.errors import InputError
from core.imaging import MIN_SIDE, Collection, Image, Item, Volume
from core.imaging.intensities import (
    AS_TRAINED,
    CHOICES,
    OPENED,
    IntensityMapping,
    Shown,
    has_hounsfield,
)
from core.imaging.planes import PLANES
from core.imaging.read import format_of
from dashboard.common import cache
from dashboard.common.cache import ItemKey
from dashboard.common.examples import Example
from dashboard.common.foreign_text import as_text

PAGES = frozenset({"PNG", "JPEG", "TIFF", "BMP", "WebP", "GIF", "Netpbm"})
"""Formats, by their content, whose files are pages and never volumes."""

WHICH, SEEN = "which-upload", "uploads-seen"
MOST_TRIED = 8
"""Items that are tried where one cannot be read; of a zip full of such the page says so soon."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the last run of the page found in the uploader; a new one begins with nothing."""

    files: frozenset[str] = frozenset()
    """Their ids."""
    shown: ItemKey | None = None
    """The item that was shown."""
    passed_over: tuple[str, ...] = ()
    """Why items could not be read that would have been shown first, a sentence each."""


@dataclass(frozen=True)
class Upload(Example):
    """An image that a person brought, and what else was in the files."""

    files: tuple[UploadedFile, ...] = ()
    items: int = 1
    """Images and volumes in them."""
    volume: Volume | None = None
    """Where all of it is wanted; the image is then its middle slice."""
    key: tuple[Any, ...] = ()
    """Names the volume and its grey window."""


def uploaded_image(
    files: Sequence[UploadedFile], mapping: IntensityMapping | None = None, *, whole: bool = False
) -> Upload:
    """The image or volume that is shown; asks which one where there are several.

    Args:
        files: What was brought.
        mapping: How the images that the model was trained on became 8 bits.
        whole: Whether a volume is always examined as one, as a model for volumes does.

    Raises:
        InputError: Nothing can be read, or what was chosen cannot.
    """
    given, mapping = tuple(files), mapping or IntensityMapping()
    if len(given) == 1 and _is_pages(given[0]):
        st.session_state[SEEN] = Seen(files=frozenset({given[0].file_id}))
        return _upload(_page(given[0], mapping), given)
    found, keys = cache.upload_collection(given)
    if len(given) == 1 and _is_frames(found):
        st.session_state[SEEN] = Seen(files=frozenset({given[0].file_id}))
        return _upload(_page(given[0], mapping), given)
    number = _which(found, keys, [file.file_id for file in given])
    item = cache.upload_item(found.items[number], keys[number])
    if isinstance(item, Volume):
        shown = _volume(item, keys[number], mapping, whole=whole)
        return replace(shown, files=given, items=len(found.items))
    image, _ = _with_intensities(item, keys[number], mapping)
    return _upload(example_of(image, item.name), given, items=len(found.items))


def _is_pages(file: UploadedFile) -> bool:
    """Whether a file is pages, by its content; a damaged one is reported when it is read."""
    try:
        return format_of(file.getvalue()[:512]) in PAGES
    except InputError:
        return False


def _is_frames(found: Collection) -> bool:
    """Whether it is one DICOM file of several frames that are no volume: each is an image."""
    series = found.items[0].series
    if len(found.items) > 1 or series is None or found.items[0].files[0].entry is not None:
        return False
    return len(series.files) == 1 and series.headers[0].frames > 1 and not found.items[0].is_volume


def _which(found: Collection, keys: Sequence[ItemKey], files: Sequence[str]) -> int:
    """Number of the item that is shown: what was just brought, until another is chosen."""
    items = found.items
    seen: Seen = st.session_state.get(SEEN, Seen())
    chosen, passed_over = 0, seen.passed_over
    if set(files) != seen.files:
        chosen, passed_over = _readable(items, keys, shown_next(keys, files, seen))
        st.session_state[WHICH] = keys[chosen]
    _left_out([*found.problems, *passed_over])
    if len(items) > 1:
        names = dict(zip(keys, _names(items), strict=True))
        picked = st.selectbox("Which one", keys, format_func=lambda key: names[key], key=WHICH)
        chosen = keys.index(picked)
    st.session_state[SEEN] = Seen(
        files=frozenset(files), shown=keys[chosen], passed_over=passed_over
    )
    return chosen


def _left_out(reasons: Sequence[str]) -> None:
    """Files that cannot be examined: the one, or how many and on demand which."""
    if len(reasons) == 1:
        st.warning(as_text(reasons[0]), icon=":material/warning:")
    elif reasons:
        with st.expander(f"{len(reasons)} files cannot be read", icon=":material/warning:"):
            for reason in reasons:
                st.caption(as_text(reason))


def _readable(
    items: Sequence[Item], keys: Sequence[ItemKey], wanted: int
) -> tuple[int, tuple[str, ...]]:
    """The wanted item or the next one that can be read, and what was wrong with those before it.

    Where none can be read it is the wanted one, whose fault is then said in its place.
    """
    faults: list[str] = []
    for step in range(min(len(items), MOST_TRIED)):
        number = (wanted + step) % len(items)
        try:
            cache.upload_item(items[number], keys[number])
        except InputError as fault:
            faults.append(str(fault))
        else:
            return number, tuple(faults)
    return wanted, ()


def shown_next(keys: Sequence[ItemKey], files: Sequence[str], seen: Seen) -> int:
    """Number of the item to look at when files came or went.

    Args:
        keys: Of all items.
        files: Ids of all files, the newest last.
        seen: Before.

    Returns:
        The first item of the files that are new; where they hold none, what was shown, also
        where its series lost a file; where that is gone, the first of the newest file.
    """

    def of(wanted: set[str]) -> list[ItemKey]:
        return [key for key in keys if wanted.intersection(key[0])]

    rank = {file: number for number, file in enumerate(files)}
    newest = max(keys, key=lambda key: max(rank[file] for file in key[0]))
    before = of(set(seen.shown[0])) if seen.shown else []
    if seen.shown in before:
        before = [seen.shown]
    return keys.index([*of(set(files) - seen.files), *before, newest][0])


def _names(items: Sequence[Item]) -> list[str]:
    """A line for each; what is called alike is numbered, as the picker tells them by name."""
    counts: Counter[str] = Counter()
    names = []
    for item in items:
        name = f"{item.name} ({item.words})"
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name}, no. {counts[name]}")
    return names


def example_of(image: Image, title: str) -> Example:
    """An image as the model and the viewer see it."""
    return Example(title, image.image8(), None, image.spacing_mm, image)


def _upload(example: Example, files: tuple[UploadedFile, ...] = (), *, items: int = 1) -> Upload:
    return Upload(
        example.title,
        example.image,
        example.truth,
        example.spacing_mm,
        example.source,
        files=files,
        items=items,
    )


def _page(file: UploadedFile, mapping: IntensityMapping) -> Example:
    pages = cache.upload_pages(file)
    page = 1 if pages == 1 else st.number_input(f"Page (of {pages})", 1, pages)
    example = cache.upload(file, int(page) - 1)
    assert example.source is not None, "it was read from a file"
    image, choice = _with_intensities(example.source, (file.file_id, page), mapping)
    return example if choice == OPENED else example_of(image, example.title)


def _volume(
    volume: Volume, key: tuple[Any, ...], mapping: IntensityMapping, *, whole: bool
) -> Upload:
    """One slice, or all of them, in the intensities that the model shall see."""
    volume, choice = _with_intensities(volume, key, mapping)
    if volume.array.ndim == 3 and not whole:  # colour is predicted slice by slice
        words = {False: "One slice", True: "Whole volume"}
        whole = bool(
            st.segmented_control(
                "Look at",
                list(words),
                default=False,
                required=True,
                format_func=lambda choice: words[choice],
                key="whole-volume",
                help="Whole volume: every slice goes through the network, then three planes, "
                "projections and a surface are shown.",
            )
        )
    if not whole:
        return _upload(_slice(volume))
    middle = len(volume.slices()) // 2
    example = example_of(volume.image(middle), volume.name)
    intensities = repr(mapping) if choice == AS_TRAINED else choice
    return replace(_upload(example), volume=volume, key=(*key, intensities))


def _with_intensities(
    found: Shown, key: tuple[Any, ...], mapping: IntensityMapping
) -> tuple[Shown, str]:
    """In the intensities that the model shall see, and the key of ``CHOICES`` that they are.

    It is asked where there is a choice: where the model has learned to see values of this kind in
    another way than the file proposes, and for a CT.
    """
    names = [OPENED]
    if cache.with_intensities(key, found, AS_TRAINED, mapping).window != found.window:
        names.insert(0, AS_TRAINED)
    if has_hounsfield(found):
        names += [name for name in CHOICES if name not in (AS_TRAINED, OPENED)]
    if len(names) == 1:
        return found, OPENED
    words = {AS_TRAINED: "As in training", OPENED: "As opened"}
    choice = st.selectbox(
        "The model sees",
        names,
        format_func=lambda name: words.get(name, f"{name.capitalize()} window"),
        help="The file has more than 8 bits, and the model sees 256 intensities. "
        + (f"As in training: {mapping.words}. " if AS_TRAINED in names else "")
        + "Values outside of a window are black or white.",
    )
    choice = choice or names[0]
    return cache.with_intensities(key, found, choice, mapping), choice


def _slice(volume: Volume) -> Example:
    """A slice of a volume, chosen by plane and number."""
    names = list(PLANES)
    plane = st.segmented_control(
        "Plane", names, default=volume.plane, format_func=str.capitalize, required=True
    )
    plane = plane or volume.plane
    depth = len(volume.slices(plane))
    number = depth // 2 + 1
    if depth > 1:
        number = st.slider("Slice", 1, depth, number, key=f"slice-{plane}-{depth}")
    image = volume.image(number - 1, plane)
    height, width = image.pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{volume.name}: its {plane} slices are {width} x {height} pixels, too few; models "
            f"need at least {MIN_SIDE} x {MIN_SIDE}, so choose another plane or another file"
        )
    return example_of(image, f"{volume.name}, {plane} slice {number} of {depth}")
