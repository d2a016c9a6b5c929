"""Splits: whole groups, the same every time, and a file that cannot be edited unnoticed."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.base import Sample
from core.data.splits import SUBSETS, Split, area_strata, leaks, make_split
from core.errors import InputError


def images(count: int, *, group_size: int = 1, label: str = "") -> list[Sample]:
    return [
        Sample(id=f"{label}{n:03d}", group=f"{label}g{n // group_size:03d}", label=label)
        for n in range(count)
    ]


@st.composite
def samples_in_groups(draw: st.DrawFn) -> list[Sample]:
    """Enough groups of uneven size; images of one group may have different labels."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=12, max_size=30))
    members = [f"patient-{g}" for g, size in enumerate(sizes) for _ in range(size)]
    labels = draw(st.lists(st.sampled_from("ab"), min_size=len(members), max_size=len(members)))
    return [
        Sample(id=f"{n}", group=group, label=label)
        for n, (group, label) in enumerate(zip(members, labels, strict=True))
    ]


def split_key(samples: Sequence[Sample], split: Split) -> dict[str, set[str]]:
    """The parts in which each group has images."""
    place = {identity: part for part in SUBSETS for identity in getattr(split, part)}
    found: dict[str, set[str]] = {}
    for sample in samples:
        found.setdefault(sample.group, set()).add(place[sample.id])
    return found


@given(samples_in_groups(), st.integers(0, 1000))
def test_no_group_is_on_two_sides_and_no_image_is_lost(samples: list[Sample], seed: int) -> None:
    split = make_split(samples, seed=seed)
    dealt = [*split.train, *split.val, *split.test]
    assert sorted(dealt) == sorted(sample.id for sample in samples)
    straddling = {g: p for g, p in split_key(samples, split).items() if len(p) > 1}
    assert straddling == {}


@given(st.permutations(images(30, group_size=2)), st.integers(0, 5))
def test_the_split_follows_from_the_seed_and_not_from_the_order(
    shuffled: list[Sample], seed: int
) -> None:
    assert make_split(shuffled, seed=seed).hash == make_split(sorted_(shuffled), seed=seed).hash


def sorted_(samples: Sequence[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda sample: sample.id)


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    samples = images(40)
    assert make_split(samples, seed=3) == make_split(samples, seed=3)
    assert make_split(samples, seed=3).hash != make_split(samples, seed=4).hash


def test_shares_are_kept_within_each_label() -> None:
    samples = images(100, label="benign") + images(40, label="malignant")
    split = make_split(samples)
    for label, count in (("benign", 100), ("malignant", 40)):
        shares = [sum(i.startswith(label) for i in getattr(split, p)) / count for p in SUBSETS]
        assert np.allclose(shares, [0.7, 0.15, 0.15], atol=0.5 / count)
    assert "stratified by label, seed 0" in split.method


def test_the_shares_asked_for_are_given() -> None:
    split = make_split(images(50), fractions=(0.2, 0.4))
    assert [len(getattr(split, part)) for part in SUBSETS] == [20, 10, 20]


def test_images_without_truth_are_left_out() -> None:
    unlabelled = Sample(id="extra", group="extra", has_truth=False)
    split = make_split([*images(10), unlabelled])
    assert "extra" not in {*split.train, *split.val, *split.test}


def test_a_split_that_the_data_set_fixes_is_kept() -> None:
    fixed = [
        Sample(id=f"{n}", group="all", split=part)
        for n, part in enumerate(["test", "train", "val", "train", "test"])
    ]
    split = make_split(fixed, seed=9)
    assert (split.train, split.val, split.test) == (("1", "3"), ("2",), ("0", "4"))
    assert split.method == "fixed by the data set"


def test_patients_with_the_same_images_count_once_where_they_are_too_few() -> None:
    """The way out for two was not named where a copy of one of them made three."""
    samples = images(90, group_size=30)
    copied = {samples[0].id: "same", samples[30].id: "same"}
    with pytest.raises(InputError, match=r"images of 2 patients.* or set share_group=true"):
        make_split(samples, clusters=copied)


@pytest.mark.parametrize(
    ("samples", "empty"),
    [
        ([], "train, val, test"),
        (images(4, group_size=4), "val, test"),
        (images(30, group_size=30), "val, test"),
        ([Sample(id="a", group="a", split="train")], "val, test"),
    ],
)
def test_too_few_groups_are_refused(samples: list[Sample], empty: str) -> None:
    with pytest.raises(InputError, match=rf"too few .*\({empty} would be empty\); add images$"):
        make_split(samples)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_three_groups_are_enough(count: int) -> None:
    for seed in range(5):
        samples = [
            Sample(id=f"{n:02d}", group=f"g{n % count}", label=f"l{n % 2}") for n in range(20)
        ]
        split = make_split(samples, seed=seed)
        owners = [{int(i) % count for i in part} for part in (split.train, split.val, split.test)]
        assert sum(map(len, owners)) == len(set().union(*owners)) == count
        assert len(split.train) + len(split.val) + len(split.test) == 20
        assert len(split.train) >= max(len(split.val), len(split.test))


def test_a_published_test_part_alone_judges_and_its_copies_train_nothing() -> None:
    samples = [
        Sample(id=f"{n:02d}", group=f"g{n // 2}", split="test" if n >= 30 else "")
        for n in range(40)
    ]
    samples.append(Sample(id="of-a-tested-patient", group="g19"))
    split = make_split(samples, clusters={"00": "same", "39": "same"})
    assert split.test == tuple(f"{n:02d}" for n in range(30, 40))
    assert set(split.train) | set(split.val) == {f"{n:02d}" for n in range(2, 30)}
    assert 3 <= len(split.val) <= 6
    assert split.method.startswith("test fixed by the data set, the rest random by group")
    folded = make_split(samples, folds=5)
    assert len(folded.train) + len(folded.val) + len(folded.test) == 41, "folds take its place"


def test_two_groups_can_be_shared_where_one_asks_for_it() -> None:
    volumes = images(60, group_size=30)
    with pytest.raises(InputError, match=r"images of 2 patients.* or set share_group=true"):
        make_split(volumes)
    split = make_split(volumes, share_group=True)
    groups = {sample.id: sample.group for sample in volumes}
    assert len(split.train) == 30
    assert {groups[i] for i in split.train}.isdisjoint(groups[i] for i in split.val + split.test)
    assert max(split.val) < min(split.test)
    assert len(split.val) + len(split.test) == 30 - 3, "a tenth between them is left out"
    assert "of one patient" in split.method
    reversed_ = make_split(volumes[::-1], share_group=True)
    assert reversed_.hash == split.hash
    trains = {groups[make_split(volumes, seed=n, share_group=True).train[0]] for n in range(9)}
    assert len(trains) == 2, "the seed says which of them trains"
    with pytest.raises(InputError, match="two groups of samples, found 3"):
        make_split(images(90, group_size=30), share_group=True)


def test_a_split_survives_its_file() -> None:
    split = make_split(images(20))
    assert Split.of_document(json.loads(json.dumps(split.document()))) == split


def test_the_hash_is_of_the_parts_and_not_of_their_order() -> None:
    split = Split(train=("a", "b"), val=("c",), test=("d",), method="x")
    assert Split(train=("b", "a"), val=("c",), test=("d",), method="y").hash == split.hash
    assert Split(train=("a", "c"), val=("b",), test=("d",), method="x").hash != split.hash
    assert Split(train=("a", "b"), val=("d",), test=("c",), method="x").hash != split.hash


@pytest.mark.parametrize(
    "edit",
    [
        {"train": ["a", "b", "d"], "test": []},
        {"val": ["c", "d"]},
        {"train": ["a"]},
        {"hash": "0" * 64},
        {"hash": None},
    ],
)
def test_an_edited_file_is_refused(edit: dict[str, object]) -> None:
    document = Split(train=("a", "b"), val=("c",), test=("d",), method="x").document()
    with pytest.raises(InputError, match="do not fit its recorded hash; restore the file"):
        Split.of_document({**document, **edit})


@pytest.mark.parametrize("part", SUBSETS)
def test_a_file_without_a_list_of_ids_is_refused(part: str) -> None:
    document = make_split(images(9)).document()
    for broken in ({**document, part: "abc"}, {k: v for k, v in document.items() if k != part}):
        with pytest.raises(InputError, match="must list sample ids under train, val and test"):
            Split.of_document(broken)


def labelled(count: int, *, groups: int = 0, labels: str = "a") -> list[Sample]:
    return [
        Sample(
            id=f"s{n:03d}", group=f"g{n % groups if groups else n}", label=labels[n % len(labels)]
        )
        for n in range(count)
    ]


@given(
    st.integers(20, 60),
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 3))),
)
def test_neither_group_nor_cluster_is_ever_on_two_sides(
    count: int, seed: int, pairs: list[tuple[int, int]]
) -> None:
    samples = labelled(count, groups=count // 2)
    clusters = {f"s{n:03d}": f"c{name}" for n, name in pairs if n < count}
    try:
        split = make_split(samples, seed=seed, clusters=clusters)
    except InputError:  # nearly everything hangs together: nothing to split
        return
    assert leaks(samples, split, clusters) == []
    assert sorted(split.train + split.val + split.test) == [s.id for s in samples]


def test_a_leak_is_named() -> None:
    samples = labelled(4, groups=2)
    split = Split(train=("s000", "s001"), val=("s002",), test=("s003",), method="manually")
    assert leaks(samples, split, {"s001": "c1", "s003": "c1"}) == [
        "group g0 is in train and val",
        "group g1 is in test and train",
        "near-duplicate cluster c1 is in test and train",
    ]


def test_every_image_is_tested_in_exactly_one_fold_and_folds_are_even() -> None:
    samples = labelled(50, labels="ab")
    splits = [make_split(samples, folds=5, fold=fold) for fold in range(5)]
    tested = [identity for split in splits for identity in split.test]
    assert sorted(tested) == [sample.id for sample in samples]
    assert {len(split.test) for split in splits} == {10}
    for this, following in zip(splits, [*splits[1:], splits[0]], strict=True):
        assert sorted(this.val) == sorted(following.test)
    labels = {sample.id: sample.label for sample in samples}
    assert all(sum(labels[i] == "a" for i in split.test) == 5 for split in splits)


@pytest.mark.parametrize(("folds", "fold"), [(2, 0), (5, 5), (5, -1)])
def test_a_fold_that_there_is_not_is_refused(folds: int, fold: int) -> None:
    with pytest.raises(InputError, match="at least 3 folds"):
        make_split(labelled(30), folds=folds, fold=fold)


def test_area_strata_are_even_and_empty_masks_are_their_own() -> None:
    shares = {f"s{n:03d}": n / 100 for n in range(31)}
    strata = area_strata(shares)
    counts = {name: list(strata.values()).count(name) for name in set(strata.values())}
    assert counts == {"empty": 1, "area 0": 10, "area 1": 10, "area 2": 10}
    split = make_split(labelled(31), strata=strata, fractions=(0.2, 0.2))
    for part in (split.val, split.test):
        assert {strata[identity] for identity in part} >= {"area 0", "area 1", "area 2"}
    assert area_strata({"s000": 0.0}) == {"s000": "empty"}
