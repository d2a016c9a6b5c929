"""What can be wrong with a data set: one function per question, one table of kinds.

To add a finding, write a function of the measured samples that yields kind and place, put it into
``QUESTIONS`` and the kind with its severity and advice into ``finding_kinds.KINDS``.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from core.data.base import Dataset, Sample
from core.data.file_dataset import AnyImages
from core.data.quality.alignment import misplaced
from core.data.quality.kinds import KINDS, Finding, Kind
from core.data.quality.sample_facts import SampleFacts
from core.errors import InputError

FEW = 0.05
"""Outliers are few; what more than this share of the images has in common is a second kind."""
MOSTLY = 0.9
"""Share of foreground above which a mask may be inverted."""
LOW_CONTRAST = 8  # grey levels of 255
LISTED = 100
"""Damaged images that are named in one line; more are a download to be made again."""
LEAST_MASK_PX = 100  # smaller masks may be equal by chance
_WITHOUT_OBJECT = {"normal", "healthy", "negative", "no finding", "no lesion", "none", "background"}


_ALIASES = {"wrong_size": "mask_size"}
_SEVERITIES = ("error", "warning", "note")
_UNKNOWN = Kind("warning", "Look at these files; what is wrong is reported beside each.")

Places = Iterator[tuple[str, str]]
"""Kind and place with what was found there."""


def find(
    dataset: Dataset, measured: Sequence[SampleFacts], clusters: dict[str, str]
) -> list[Finding]:
    """Ask every question; errors first.

    Args:
        dataset: Where the samples are from.
        measured: All its samples.
        clusters: Sample id → near-duplicate cluster, as ``duplicates.cluster_names`` gives it.
    """
    places: dict[str, dict[str, None]] = defaultdict(dict)  # ordered, each place once
    for problem in dataset.problems:
        kind = _ALIASES.get(problem.kind, problem.kind)
        places[kind][f"{problem.where}: {problem.detail}"] = None
    good = [facts for facts in measured if facts.size is not None]
    damaged = [facts.sample.id for facts in measured if facts.size is None]
    for kind, place in _own_problems(measured):
        places[kind][place] = None
    for question in QUESTIONS:
        for kind, place in question(dataset, good):
            places[kind][place] = None
    for kind, place in (*_copies(good, clusters), *_copied_masks(good, clusters)):
        places[kind][place] = None
    findings = []
    for kind, found in places.items():
        severity, advice = KINDS.get(kind, _UNKNOWN)
        if kind == "unreadable" and 0 < len(damaged) <= LISTED:
            advice += f" Ready to copy: `leave_out={','.join(damaged)}`."
        findings.append(Finding(kind=kind, severity=severity, places=tuple(found), advice=advice))
    return sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))


def _own_problems(measured: Sequence[SampleFacts]) -> Places:
    """What was wrong while reading; an empty mask is right where there is no object."""
    by_label = defaultdict(list)
    for facts in measured:
        by_label[facts.sample.label].append(facts.foreground)
    always_empty = {
        label
        for label, found in by_label.items()
        if label and len(found) > 1 and all(share == 0 for share in found)
    }
    for facts in measured:
        said = {facts.sample.label.lower(), *(fact.lower() for fact in facts.sample.facts.values())}
        excused = (
            facts.is_slice or facts.sample.label in always_empty or bool(said & _WITHOUT_OBJECT)
        )
        for problem in facts.problems:
            if not (problem.kind == "empty_mask" and excused):
                yield problem.kind, f"{problem.where}: {problem.detail}"


def _mask_values(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    """One value above 0 per class; which ones, the majority of the masks decides."""
    found = [entry for facts in measured for entry in facts.values]
    classes = dataset.info.stored_labels or len(dataset.info.classes)
    typical = Counter(value for _, values in found for value in values)
    expected = {value for value, _ in typical.most_common(classes)} if classes > 1 else set()
    for where, values in found:
        unexpected = [value for value in values if value not in expected]
        if unexpected:
            shown = ", ".join(f"{value:g}" for value in unexpected[:6]) + (
                ", …" if len(unexpected) > 6 else ""
            )
            yield "non_binary", f"{where}: values {shown}"


def _decided(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    """What the values of the masks were taken for, where that is not plain."""
    if not isinstance(dataset, AnyImages):
        return
    if dataset.named is not None:
        left = [sample.id for sample in dataset.samples if _has_ignored(dataset, sample)]
        if left:
            yield "mask_ignored", f"{len(left)} images, for example {left[0]}"
        return
    meaning = dataset.mask_values
    if meaning.kind != "binary" or meaning.ignore is not None:
        yield f"mask_{meaning.kind}", f"{len(measured)} images: {meaning.sentence()}"


def _has_ignored(dataset: AnyImages, sample: Sample) -> bool:
    try:
        found = dataset.ignored(sample)
    except InputError:  # said when that image is measured
        return False
    return found is not None and bool(found.any())


def _mostly_foreground(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    """Masks that mark nearly the whole image: often foreground and background are exchanged."""
    del dataset
    for facts in measured:
        if facts.foreground is not None and facts.foreground > MOSTLY and not facts.is_slice:
            yield "mostly_foreground", f"{facts.sample.id}: {facts.foreground:.1%} of the pixels"


def _misaligned(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    del dataset
    both = [facts for facts in measured if facts.foreground and facts.mask_thumbnail is not None]
    if len(both) < 2:
        return
    images = np.stack([facts.thumbnail for facts in both if facts.thumbnail is not None])
    masks = np.stack([facts.mask_thumbnail for facts in both if facts.mask_thumbnail is not None])
    sizes = [facts.size or (0, 0) for facts in both]
    for n, other, own, best in misplaced(images, masks, sizes):
        better = (
            f"its mask fits {both[other].sample.id} better (correlation {best:.2f}, with its own"
        )
        yield "misaligned", f"{both[n].sample.id}: {better} image {own:.2f})"


def _groups(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    del measured
    labels, splits = defaultdict(set), defaultdict(set)
    for sample in dataset.samples:
        labels[sample.group].add(sample.label)
        splits[sample.group].add(sample.split)
    for kind, found in (("class", labels), ("split", splits)):
        for group, names in found.items():
            if len(names - {""}) > 1:
                yield f"group_straddles_{kind}", f"{group}: in {' and '.join(sorted(names - {''}))}"


def _intensity(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    """Mean grey outside three quartile ranges of the images of its class; no contrast at all."""
    del dataset
    classes = defaultdict(list)
    for facts in measured:
        if not facts.is_slice:
            classes[facts.sample.label].append(facts)
        if facts.contrast < LOW_CONTRAST and not facts.is_slice:
            yield "low_contrast", f"{facts.sample.id}: {facts.contrast} of 255 grey levels are used"
    for members in classes.values():
        low, high = _fence([facts.grey for facts in members], least=20)
        unexpected = [facts for facts in members if not low <= facts.grey <= high]
        if len(unexpected) <= max(1, FEW * len(members)):
            for facts in unexpected:
                grey = (
                    f"mean grey {facts.grey:.0f}, expected {max(0, low):.0f}…{min(255, high):.0f}"
                )
                yield "intensity_outlier", f"{facts.sample.id}: {grey}"


def _sizes(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    del dataset
    sizes = Counter(facts.size for facts in measured if facts.size)
    if len(sizes) > 1:
        for (height, width), count in sizes.most_common():
            yield "mixed_sizes", f"{width}x{height}: {count}"
    areas = [np.log(facts.size[0] * facts.size[1]) for facts in measured if facts.size]
    low, high = _fence(areas, least=np.log(3))
    rare = max(1, len(areas) // 100)  # a size that many images share is no accident
    for facts, area in zip(measured, areas, strict=True):
        if facts.size and not low <= area <= high and sizes[facts.size] <= rare:
            yield "size_outlier", f"{facts.sample.id}: {facts.size[1]}x{facts.size[0]}"


def _ct(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    del dataset
    _, typical = _fence([facts.outside_air for facts in measured if facts.foreground], least=0.05)
    for facts in measured:
        if facts.padding:
            where = f"{facts.sample.id}: {facts.padding:.0%} of the pixels, down to {facts.low:g}"
            yield "padding", where
        if facts.outside_air > typical:
            share = f"{facts.outside_air:.0%} of the foreground is air that reaches the edge"
            yield "air_labelled", f"{facts.sample.id}: {share}"


def _objects(dataset: Dataset, measured: Sequence[SampleFacts]) -> Places:
    del dataset
    for facts in measured:
        if facts.overlap_px:
            yield "overlap", f"{facts.sample.id}: {facts.overlap_px} px"


def _copies(measured: Sequence[SampleFacts], clusters: dict[str, str]) -> Places:
    """Clusters of near-duplicates, some members of which may be identical."""
    members = defaultdict(list)
    for facts in measured:
        if facts.sample.id in clusters:
            members[clusters[facts.sample.id]].append(facts)
    for found in members.values():
        pixels = defaultdict(list)
        for facts in found:
            pixels[facts.digest].append(facts.sample.id)
        same = [" = ".join(ids) for ids in pixels.values()]
        yield from (("duplicate", ids) for ids in same if " = " in ids)
        if len(same) > 1:
            yield "near_duplicate", " ~ ".join(same)
        for what, ends in (("label", "classes"), ("split", "splits")):
            if len({getattr(facts.sample, what) for facts in found} - {""}) > 1:
                yield f"duplicate_across_{ends}", " ~ ".join(same)


def _copied_masks(measured: Sequence[SampleFacts], clusters: dict[str, str]) -> Places:
    """One mask under images that are neither alike nor of one group."""
    masks = defaultdict(list)
    for facts in measured:
        share = facts.foreground or 0
        if share * np.prod(facts.size or 0) >= LEAST_MASK_PX and share < 0.9:
            masks[facts.mask_digest].append(facts)
    for found in masks.values():
        if len({clusters.get(facts.sample.id, facts.sample.group) for facts in found}) > 1:
            yield "duplicate_mask", " = ".join(facts.sample.id for facts in found)


def _fence(values: Sequence[float], *, least: float) -> tuple[float, float]:
    """Quartiles widened by three quartile ranges, by ``least`` at the least; all for none."""
    if not values:
        return -np.inf, np.inf
    low, high = np.percentile(values, (25, 75))
    room = max(3 * (high - low), least)
    return float(low - room), float(high + room)


QUESTIONS: tuple[Callable[[Dataset, Sequence[SampleFacts]], Places], ...] = (
    _mask_values,
    _decided,
    _mostly_foreground,
    _misaligned,
    _groups,
    _intensity,
    _sizes,
    _ct,
    _objects,
)
