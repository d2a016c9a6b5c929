"""Pages of a TIFF stack as images of their own: ``stack.tif#page=3`` names one, counted from 0."""

from dataclasses import replace

from core.data.archive import Archive, suffix
from core.data.base import Problem, Sample
from core.errors import InputError
from core.imaging.formats.tiff import count_tiff
from core.imaging.opening import opened

_MARK = "#page="
_TIFF = {".tif", ".tiff"}
_BLOCKS = 6
"""Portions of a stack that stay whole where there are too few stacks to split by."""
_FEWEST = 3

Found = tuple[Sample, str, tuple[str, ...]]
"""A sample with the names of its image and its masks."""


def page_name(name: str, page: int) -> str:
    """One page of a file in an archive."""
    return f"{name}{_MARK}{page}"


def file_and_page(name: str) -> tuple[str, int]:
    """The file in the archive and its page; a plain name is page 0."""
    file, mark, page = name.rpartition(_MARK)
    return (file, int(page)) if mark and page.isdecimal() else (name, 0)


def pages_of(archive: Archive, name: str) -> int:
    """How many pages a file has; 1 for all but TIFF and for what cannot be read."""
    if suffix(name) not in _TIFF:
        return 1
    try:
        with opened(archive.read(name), name.rpartition("/")[2], "TIFF") as stream:
            count: int = count_tiff(stream)
            return max(count, 1)
    except InputError:  # said when it is read
        return 1


def expand_stacks(archive: Archive, found: list[Found]) -> tuple[list[Found], list[Problem]]:
    """A sample for each page where image and masks are stacks of as many pages.

    Pages of a stack are a group; where there are fewer than three stacks, blocks of neighbouring
    pages are. A stack whose masks have another number of pages is left out and said.
    """
    counts = {sample.id: pages_of(archive, image) for sample, image, _ in found}
    few = sum(count > 1 for count in counts.values()) < _FEWEST
    result: list[Found] = []
    problems = []
    for sample, image, masks in found:
        count = counts[sample.id]
        wrong = [(m, n) for m in masks if (n := pages_of(archive, m)) != count]
        if wrong:
            detail = f"{wrong[0][1]} pages, its image {image} {count}; left out"
            problems.append(Problem(kind="pages", where=wrong[0][0], detail=detail))
            continue
        if count == 1:
            result.append((sample, image, masks))
            continue
        width, block = len(str(count)), max(count // _BLOCKS, 1)
        for page in range(count):
            group = f"{sample.group}-block{page // block + 1}" if few else sample.group
            one = replace(
                sample,
                id=f"{sample.id}-p{page + 1:0{width}}",
                group=group,
                facts={**sample.facts, "page": str(page + 1)},
            )
            names = tuple(page_name(mask, page) for mask in masks)
            result.append((one, page_name(image, page), names))
    return result, problems
