"""Kinds of findings: how grave each is and what to do about it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

EXAMPLES = 10


class Kind(NamedTuple):
    """How grave a finding is and the way out."""

    severity: str
    """``error``: results would be wrong; ``warning``: look before training; ``note``: know it."""
    advice: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Everything of one kind that was found."""

    kind: str
    severity: str
    places: tuple[str, ...]
    """Sample, file or group, with what was found there; all of them."""
    advice: str

    def document(self) -> dict[str, Any]:
        """Count and the first ten places."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "count": len(self.places),
            "examples": list(self.places[:EXAMPLES]),
            "advice": self.advice,
        }


KINDS = {
    "unreadable": Kind(
        "error",
        "Download or export these files again, or train without them (leave_out, with commas "
        "between the ids): training refuses to begin with them. Volumes that cannot be read are "
        "left out.",
    ),
    "missing_mask": Kind("error", "Add the masks, or train without these images."),
    "orphan_mask": Kind("warning", "Add the image, or rename the mask after its own."),
    "paired_by_order": Kind(
        "warning",
        "Look at these pairs in the gallery; rename the masks after their images, or give a table "
        "of image and mask.",
    ),
    "paired_by_affix": Kind(
        "note", "Look at the first pairs in the gallery; where they fit, nothing is to be done."
    ),
    "mask_left_out": Kind(
        "note", "The first reader's masks count; to use another's, give a table of image and mask."
    ),
    "class_table": Kind(
        "note", "To name classes, give the table the columns name and value; else nothing to do."
    ),
    "mask_size": Kind("error", "Replace the mask by one of its image's size, or leave both out."),
    "empty_mask": Kind("warning", "Draw the mask, or put the image into a class without objects."),
    "non_binary": Kind(
        "warning",
        "A pixel counts above half of the largest value. Where the values are classes, name them "
        "in a classes.csv (name, value) or when importing; else export masks without compression "
        "or smoothing.",
    ),
    "pages": Kind("error", "Give image and mask as many pages, or save the pages as files."),
    "mask_binary": Kind("note", "Nothing to do: that is how the masks are read."),
    "mask_ignored": Kind(
        "note",
        "These have pixels that are not annotated (ignore, or 255 beside small values); they enter "
        "no loss and no metric. Give 255 a name in classes.csv if it is a class.",
    ),
    "mask_graded": Kind(
        "note",
        "Look at the edges of the masks in the gallery; export them without compression or "
        "smoothing to have them exact.",
    ),
    "mask_classes": Kind(
        "warning",
        "To learn the classes apart, name them in a classes.csv (name, value) or when importing; "
        "else nothing to do.",
    ),
    "mask_instances": Kind(
        "note",
        "Nothing to do where they are objects; where they are classes, name them in a classes.csv "
        "(name, value) or when importing.",
    ),
    "mostly_foreground": Kind(
        "warning",
        "Look whether foreground and background are exchanged; if so, invert the masks, or name "
        "the value of the object in a classes.csv (name, value).",
    ),
    "mask_mode": Kind(
        "warning",
        "Nothing to do here; other programs may take every pixel of such "
        "a mask for foreground, so save it as grey for them.",
    ),
    "misaligned": Kind(
        "error",
        "Look at both images with their masks; names or order of the files may be mixed up.",
    ),
    "duplicate_mask": Kind(
        "warning",
        "One mask cannot fit different images; look whether a file "
        "was copied under the wrong name.",
    ),
    "duplicate": Kind("warning", "Keep one of each; until then the split keeps them together."),
    "near_duplicate": Kind(
        "note",
        "Nothing to do: the split keeps them on one side. Count them as one case in a table.",
    ),
    "duplicate_across_classes": Kind(
        "warning",
        "The same image has two labels: decide which is "
        "right, or leave both out of a classification.",
    ),
    "duplicate_across_splits": Kind(
        "error",
        "The published split leaks: leave the copies out of training, or make a split of your own.",
    ),
    "group_straddles_class": Kind(
        "note",
        "Legitimate if a patient has both; otherwise check the "
        "group names. A split keeps the group whole.",
    ),
    "group_straddles_split": Kind(
        "error", "The published split leaks: make a split of your own, by group."
    ),
    "intensity_outlier": Kind(
        "note",
        "Look at these images: exposure, another device, or a file that does not belong here.",
    ),
    "size_outlier": Kind(
        "note", "Look at these images: a thumbnail, a screenshot or a mosaic may have slipped in."
    ),
    "mixed_sizes": Kind("note", "Choose a common size for training, or tiles at the native one."),
    "padding": Kind(
        "note",
        "Values below -1100 HU are the scanner's padding: clip them with a "
        "window, as the reader does, before any statistics.",
    ),
    "air_labelled": Kind(
        "warning", "The mask labels air outside the body: correct it or leave the image out."
    ),
    "low_contrast": Kind(
        "note", "Hardly anything is visible: look at the exposure, or stretch the values."
    ),
    "overlap": Kind(
        "note",
        "Objects share pixels; each such pixel counts once in the united mask "
        "and for the first object.",
    ),
}
