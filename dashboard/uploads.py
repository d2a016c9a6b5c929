"""What a person uploads: a picture, a slice of a volume, a whole volume, or many files at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.imaging import WINDOWS_HU, Image, Volume
from core.imaging.planes import PLANES
from dashboard import cache
from dashboard.examples import Picture

SINGLE = ("png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp")
VOLUMES = ("dcm", "nii", "gz", "nrrd", "mha", "npy", "zip")


AS_OPENED = "as opened"


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
        return _upload(_page(given[0]), given)
    found = cache.upload_collection(given)
    for problem in found.problems:
        st.warning(problem, icon=":material/warning:")
    number = 0
    if len(found.items) > 1:
        names = [f"{item.name} ({item.words})" for item in found.items]
        chosen = st.selectbox("Which one", range(len(names)), format_func=lambda n: names[n])
        number = chosen or 0
    item = cache.upload_item(given, number)
    if isinstance(item, Volume):
        key = (*(file.file_id for file in given), number)
        return replace(_volume(item, key), files=given, items=len(found.items))
    return _upload(picture_of(item, item.name), given, items=len(found.items))


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
