"""Reading any file a person uploads into an ``Image`` or ``Volume``; writing masks and overlays."""

from core.imaging.collection import Collection, Item, read_all, survey
from core.imaging.facts import SourceFacts
from core.imaging.image import Image, to_8bit
from core.imaging.names import clean_name
from core.imaging.opening import MAX_PIXELS, MIN_SIDE
from core.imaging.read import page_count, read_any, read_image
from core.imaging.source_file import SourceFile
from core.imaging.volume import Volume
from core.imaging.window import WINDOWS_HU, BodyWindow, Window, window_of
from core.imaging.write import mask_png, overlay_png, write_mask

__all__ = [
    "MAX_PIXELS",
    "MIN_SIDE",
    "WINDOWS_HU",
    "BodyWindow",
    "Collection",
    "Image",
    "Item",
    "SourceFacts",
    "SourceFile",
    "Volume",
    "Window",
    "clean_name",
    "mask_png",
    "overlay_png",
    "page_count",
    "read_all",
    "read_any",
    "read_image",
    "survey",
    "to_8bit",
    "window_of",
    "write_mask",
]
