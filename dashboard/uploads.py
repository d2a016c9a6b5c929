"""What a person uploads: a picture, or several files and zips, of which one slice is shown."""

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.imaging import Image, Volume
from core.imaging.planes import PLANES
from dashboard import cache
from dashboard.examples import Picture

SINGLE = ("png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp")
VOLUMES = ("dcm", "nii", "gz", "nrrd", "mha", "npy", "zip")


def uploaded_picture(files: Sequence[UploadedFile]) -> Picture:
    """The picture that is looked at; asks which one where there are several.

    Raises:
        InputError: Nothing can be read, or what was chosen cannot.
    """
    if len(files) == 1 and files[0].name.lower().endswith(SINGLE):
        return _page(files[0])
    found = cache.upload_collection(files)
    for problem in found.problems:
        st.warning(problem, icon=":material/warning:")
    number = 0
    if len(found.items) > 1:
        names = [f"{item.name} ({item.words})" for item in found.items]
        chosen = st.selectbox("Which one", range(len(names)), format_func=lambda n: names[n])
        number = chosen or 0
    item = cache.upload_item(files, number)
    if isinstance(item, Volume):
        return _slice(item)
    return picture_of(item, item.name)


def picture_of(image: Image, title: str) -> Picture:
    """An image as the model and the viewer see it."""
    return Picture(title, image.picture8(), None, image.spacing_mm, image)


def _page(file: UploadedFile) -> Picture:
    content = file.getvalue()
    pages = cache.upload_pages(content, file.name)
    page = 1 if pages == 1 else st.number_input(f"Page (of {pages})", 1, pages)
    return cache.upload(content, file.name, int(page) - 1)


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
