"""What a TIFF says beside its samples: which pages are images of their own, and their spacing.

The plain resolution tags are not trusted: they usually hold the size of a print or screen. A
microscope (OME-XML), ImageJ and a slide scanner (Aperio) write the true size, once for all pages.
"""

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    import tifffile

Spacing = tuple[float, float]

_UNITS_MM = {"nm": 1e-6, "µm": 1e-3, "um": 1e-3, "micron": 1e-3, "microns": 1e-3}
_UNITS_MM |= {"μm": 1e-3, "mm": 1.0, "cm": 10.0}  # the Greek letter, not the micro sign
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_MAX_XML = 1 << 24


def image_pages(tiff: "tifffile.TiffFile") -> list[int]:
    """Numbers of the pages that are images of their own.

    Left out are smaller copies of another page, transparency masks and, of a slide scanner, the
    thumbnail, the label and the photo of the whole glass.
    """
    count = len(tiff.pages)
    if count < 2:
        return list(range(count))
    if _description(tiff).startswith("Aperio"):
        return [0]
    found = []
    for number in range(count):
        page: Any = tiff.pages[number]
        kind = page.tags.get(254) if hasattr(page, "tags") else None
        value = kind.value if kind is not None and isinstance(kind.value, int) else 0
        if not int(value) & (_REDUCED | _MASK):
            found.append(number)
    return found or list(range(count))


def spacing_mm(tiff: "tifffile.TiffFile", page: int) -> Spacing | None:
    """Height and width of a pixel of one page; None where the file does not truly state them.

    Args:
        tiff: The file.
        page: Number of the page in the file.
    """
    description = _description(tiff)
    first: Any = tiff.pages[0]
    try:
        if first.is_ome:
            found = _ome(description, page)
        elif first.is_imagej:
            found = _imagej(tiff, page)
        elif description.startswith("Aperio"):
            micrometres = float(re.search(r"\bMPP *= *([\d.]+)", description)[1])  # type: ignore[index]  # None is caught
            found = micrometres / 1000, micrometres / 1000
        else:
            return None
    except (KeyError, ValueError, TypeError, ArithmeticError, ET.ParseError):
        return None
    if found is None:
        return None
    # from a nanometre's tenth, beyond any microscope, to ten centimetres
    return found if 1e-7 <= min(found) <= max(found) <= 100 else None


def _description(tiff: "tifffile.TiffFile") -> str:
    first: Any = tiff.pages[0]
    return str(first.description or "")


def _imagej(tiff: "tifffile.TiffFile", page: int) -> Spacing:
    unit = str((tiff.imagej_metadata or {})["unit"]).replace("\\u00B5", "µ")
    tags: Any = tiff.pages[page]
    first: Any = tiff.pages[0]
    across, down = (tags.tags.get(code) or first.tags[code] for code in (282, 283))
    (xn, xd), (yn, yd) = across.value, down.value
    return yd / yn * _UNITS_MM[unit], xd / xn * _UNITS_MM[unit]


def _ome(text: str, page: int) -> Spacing | None:
    """Of the image that a page belongs to, by the ``TiffData`` of the OME-XML."""
    if len(text) > _MAX_XML or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    root = ET.fromstring(text)  # noqa: S314 - bounded, and without a DTD no entity expands
    own = root.get("UUID", "")
    after = 0  # the next page where an image does not say which are its own
    images = [element for element in root.iter() if _plain(element.tag) == "Pixels"]
    for pixels in images:
        pages, after = _pages_of(pixels, own, after)
        if page in pages or len(images) == 1:
            height, width = (
                float(pixels.attrib[f"PhysicalSize{axis}"])
                * _UNITS_MM[pixels.get(f"PhysicalSize{axis}Unit", "µm")]
                for axis in "YX"
            )
            return height, width
    return None


def _pages_of(pixels: ET.Element, own: str, after: int) -> tuple[set[int], int]:
    """Pages of this file that an image has, and the page after them."""
    sizes = [int(pixels.get(f"Size{axis}", "1")) for axis in "ZCT"]
    samples = [
        int(channel.get("SamplesPerPixel", "1"))
        for channel in pixels
        if _plain(channel.tag) == "Channel"
    ]
    planes = sizes[0] * sizes[2] * max(1, len(samples) or sizes[1])
    pages: set[int] = set()
    blocks = [block for block in pixels if _plain(block.tag) == "TiffData"]
    for block in blocks:
        other = next((part.text for part in block if _plain(part.tag) == "UUID"), own)
        if own and (other or "").strip() != own:
            continue  # in another file of the set
        start = int(block.get("IFD", "0"))
        alone = 1 if "IFD" in block.attrib else planes
        pages |= set(range(start, start + min(int(block.get("PlaneCount", alone)), planes)))
    if not blocks:
        pages = set(range(after, after + planes))
    return pages, max(pages, default=after - 1) + 1


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]
