"""Reading any file a person uploads into an ``Image``; writing masks and overlays."""

from core.imaging.image import Image, clean_name, to_8bit
from core.imaging.read import MAX_PIXELS, MIN_SIDE, page_count, read_image
from core.imaging.write import mask_png, overlay_png, write_mask

__all__ = [
    "MAX_PIXELS",
    "MIN_SIDE",
    "Image",
    "clean_name",
    "mask_png",
    "overlay_png",
    "page_count",
    "read_image",
    "to_8bit",
    "write_mask",
]
