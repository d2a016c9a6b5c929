"""Images without a mask get one from models, and can be was trained on; nothing of it evaluates."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.__main__ import main
from core.config import RunConfig
from core.data import open_dataset
from core.data.splits import make_split
from core.errors import InputError
from core.inference.uncertainty import augmented, gather
from core.levels import mask_at
from core.models import TrainedModel, load_run_named
from core.runs import create_run
from core.training.loop import train
from core.training.self_training import label_unlabelled

Tiny = Callable[..., RunConfig]
pytestmark = pytest.mark.usefixtures("home")


def model(tiny_config: Tiny, name: str = "one", **changes: object) -> TrainedModel:
    train(create_run(replace(tiny_config(epochs=1), **changes), name=name))  # type: ignore[arg-type]
    return load_run_named(name)


def test_what_has_a_mask_keeps_it_and_its_part(
    tiny_config: Tiny, sections: Path, tmp_path: Path
) -> None:
    one, two = model(tiny_config), model(tiny_config, "two", seed=1)
    facts = label_unlabelled([one, two], tmp_path / "new" / "set", data=sections, method="mirror")
    source = open_dataset("isbi2012", sections)
    made = open_dataset("folder", tmp_path / "new" / "set")
    assert not made.problems
    split = make_split(made.samples)
    assert facts["labelled"] == 2
    assert facts["images"] == {
        "train": len(one.split.train) + 2,
        "val": len(one.split.val),
        "test": len(one.split.test),
    }
    before = {sample.id: sample for sample in source.samples}
    for part in ("train", "val", "test"):
        ids = [identity.removeprefix(f"{part}-") for identity in getattr(split, part)]
        drawn = [identity for identity in ids if not before[identity].has_truth]
        assert set(ids) - set(drawn) == set(getattr(one.split, part))
        assert len(drawn) == (2 if part == "train" else 0)
    for sample in made.samples:
        origin = before[sample.id.partition("-")[2]]
        image = source.image(origin)
        assert np.array_equal(made.image(sample), image)
        if origin.has_truth:
            expected = source.truth(origin) > 0
        else:
            members = [
                member
                for teacher in (one, two)
                for member in augmented(teacher.predictor.probability, "mirror")
            ]
            expected = gather(members, image).mean >= np.float32(facts["threshold"])
        assert np.array_equal(made.truth(sample) > 0, expected)


def test_one_model_alone_marks_as_it_predicts(
    tiny_config: Tiny, sections: Path, tmp_path: Path
) -> None:
    one = model(tiny_config)
    facts = label_unlabelled([one], tmp_path / "set", data=sections)
    assert facts["threshold"] == one.operating_point.threshold
    made = open_dataset("folder", tmp_path / "set")
    bare = [sample for sample in made.samples if "section" not in sample.id]
    assert len(bare) == 2
    for sample in bare:
        levels = one.predictor.levels(made.image(sample))
        assert np.array_equal(made.truth(sample) > 0, mask_at(levels, one.operating_point.k))


def test_what_cannot_be_labelled(tiny_config: Tiny, sections: Path, tmp_path: Path) -> None:
    one, place = model(tiny_config), tmp_path / "new"
    with pytest.raises(InputError, match="is there already"):
        label_unlabelled([one], tmp_path, data=sections)
    other = replace(one, name="other", split=replace(one.split, train=one.split.train[1:]))
    with pytest.raises(InputError, match="other and one were not trained on one split"):
        label_unlabelled([one, other], place / "set", data=sections)
    train(
        create_run(
            RunConfig(
                dataset="phantoms_membranes",
                model_options={"base_filters": 2, "depth": 2},
                tile=64,
                epochs=1,
            ),
            name="drawn",
        )
    )
    with pytest.raises(InputError, match="has no image without a mask"):
        label_unlabelled([load_run_named("drawn")], place / "set")
    assert not place.exists()


def test_a_fault_leaves_no_half_data_set(tiny_config: Tiny, sections: Path, tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label_unlabelled(
            [model(tiny_config)], tmp_path / "new" / "set", data=sections, progress=stop
        )
    assert not any((tmp_path / "new").iterdir())


def test_the_commands_from_labels_to_a_student(
    tiny_config: Tiny,
    sections: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model(tiny_config)

    def run(*words: str, rc: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["core", *words, "--json"])
        assert main() == rc
        said = capsys.readouterr()
        return said.out if rc == 0 else said.err

    out = str(tmp_path / "set")
    assert "name a model" in run("datasets", "label", out, rc=2)
    assert json.loads(run("datasets", "label", out, "--run", "one"))["labelled"] == 2
    start = ("--dataset", "folder", "--data", out, "--initial-weights", "one", "--name", "student")
    run("train", *start, "--set", "epochs=1")
    back = ("--dataset", "isbi2012", "--data", str(sections), "--initial-weights", "student")
    run("train", *back, "--set", "epochs=1", "--name", "last")
    document = json.loads(run("evaluate", "--run", "last", "--split", "test"))
    assert document["dataset"] == "isbi2012"
