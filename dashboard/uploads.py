"""What a person uploads: a picture, a slice of a volume, a whole volume, or many files at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.errors import InputError
from core.imaging import WINDOWS_HU, Image, Item, Volume
from core.imaging.planes import PLANES
from dashboard import cache
from dashboard.cache import ItemKey
from dashboard.examples import Picture

SINGLE = ("png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "gif", "ppm", "pgm")
VOLUMES = ("dcm", "nii", "gz", "nrrd", "mha", "npy", "zip")


AS_OPENED = "as opened"
WHICH, SEEN = "which-upload", "uploads-seen"
MOST_TRIED = 8
"""Items that are tried where one cannot be read; of a zip full of such the page says so soon."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the last run of the page found in the uploader; a new one begins with nothing."""

    files: frozenset[str] = frozenset()
    """Their ids."""
    shown: ItemKey | None = None
    """The item that was looked at."""
    passed_over: tuple[str, ...] = ()
    """Why items could not be read that would have been shown first, a sentence each."""


@dataclass(frozen=True)
class Upload(Picture):
    """A picture that a person brought, and what else was in the files."""

    files: tuple[UploadedFile, ...] = ()
    items: int = 1
    """Pictures and volumes in them."""
    volume: Volume | None = None
    """Where all of it is wanted; the picture is then its middle slice."""
    key: tuple[Any, ...] = ()
    """Names the volume and its grey window."""


def uploaded_picture(files: Sequence[UploadedFile]) -> Upload:
    """The picture or volume that is looked at; asks which one where there are several.

    Raises:
        InputError: Nothing can be read, or what was chosen cannot.
    """
    given = tuple(files)
    if len(given) == 1 and given[0].name.lower().endswith(SINGLE):
        st.session_state[SEEN] = Seen(files=frozenset({given[0].file_id}))
        return _upload(_page(given[0]), given)
    found, keys = cache.upload_collection(given)
    for problem in found.problems:
        st.warning(problem, icon=":material/warning:")
    number = _which(found.items, keys, [file.file_id for file in given])
    item = cache.upload_item(found.items[number], keys[number])
    if isinstance(item, Volume):
        return replace(_volume(item, keys[number]), files=given, items=len(found.items))
    return _upload(picture_of(item, item.name), given, items=len(found.items))


def _which(items: Sequence[Item], keys: Sequence[ItemKey], files: Sequence[str]) -> int:
    """Number of the item that is looked at: what was just brought, until another is chosen."""
    seen: Seen = st.session_state.get(SEEN, Seen())
    chosen, passed_over = 0, seen.passed_over
    if set(files) != seen.files:
        chosen, passed_over = _readable(items, keys, shown_next(keys, files, seen))
        st.session_state[WHICH] = keys[chosen]
    for reason in passed_over:
        st.warning(reason, icon=":material/warning:")
    if len(items) > 1:
        names = dict(zip(keys, _names(items), strict=True))
        picked = st.selectbox("Which one", keys, format_func=lambda key: names[key], key=WHICH)
        chosen = keys.index(picked)
    st.session_state[SEEN] = Seen(
        files=frozenset(files), shown=keys[chosen], passed_over=passed_over
    )
    return chosen


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
        The first item of the files that are new; where they hold none, what was looked at, also
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


def picture_of(image: Image, title: str) -> Picture:
    """An image as the model and the viewer see it."""
    return Picture(title, image.picture8(), None, image.spacing_mm, image)


def _upload(picture: Picture, files: tuple[UploadedFile, ...] = (), *, items: int = 1) -> Upload:
    return Upload(
        picture.title,
        picture.image,
        picture.truth,
        picture.spacing_mm,
        picture.source,
        files=files,
        items=items,
    )


def _page(file: UploadedFile) -> Picture:
    content = file.getvalue()
    pages = cache.upload_pages(content, file.name)
    page = 1 if pages == 1 else st.number_input(f"Page (of {pages})", 1, pages)
    return cache.upload(content, file.name, int(page) - 1)


def _volume(volume: Volume, key: tuple[Any, ...]) -> Upload:
    """One slice, or all of them, in the grey window that the model shall see."""
    window = _window(volume)
    volume = replace(volume, window=WINDOWS_HU.get(window, volume.window))
    whole = False
    if volume.array.ndim == 3:  # colour is looked at slice by slice
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
    picture = picture_of(volume.image(middle), volume.name)
    return replace(_upload(picture), volume=volume, key=(*key, window))


def _window(volume: Volume) -> str:
    """The grey window that the model sees; Hounsfield units have named ones."""
    if volume.facts.unit != "HU":
        return AS_OPENED
    names = [AS_OPENED, *WINDOWS_HU]
    return (
        st.selectbox(
            "The model sees",
            names,
            format_func=lambda name: name.capitalize() + (" window" if name in WINDOWS_HU else ""),
            help="Grey values outside of the window are black or white. Take the one that the "
            "model was trained in.",
        )
        or AS_OPENED
    )


def _slice(volume: Volume) -> Picture:
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
    return picture_of(
        volume.image(number - 1, plane), f"{volume.name}, {plane} slice {number} of {depth}"
    )
