"""Images and patients that are not used: nothing of them is read, split or trained on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from core.__main__ import app
from core.config import RunConfig
from core.data import open_dataset
from core.data.preparation import prepare
from core.data.quality.check import check_dataset
from core.data.quality.duplicates import duplicate_groups
from core.errors import InputError
from core.promotion.promote import promote
from core.runs import create_run, open_run
from core.training.loop import train
from core.training.trial import trial

SIDE = 32
DAMAGED = ("p03", "p08")


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A folder of twelve pairs, two images of which are cut short."""
    folder, numbers = tmp_path / "data", np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for n in range(12):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        top, left = numbers.integers(2, 14, 2)
        mask[top : top + 14, left : left + 14] = 255
        grey = (numbers.integers(0, 60, mask.shape) + mask // 2).astype(np.uint8)
        Image.fromarray(grey).save(folder / "images" / f"p{n:02}.png")
        Image.fromarray(mask).save(folder / "masks" / f"p{n:02}.png")
    for name in DAMAGED:
        file = folder / "images" / f"{name}.png"
        file.write_bytes(file.read_bytes()[:200])
    return folder


def config_of(folder: Path, **settings: object) -> RunConfig:
    config = RunConfig(dataset="folder", data=str(folder), epochs=1, batch_size=4)
    asked = {"size": SIDE, "base_filters": 4, "depth": 2, **settings}
    return config.with_settings(asked, {"base_filters": 0, "depth": 0})


def test_what_is_left_out_is_neither_listed_nor_read(damaged: Path) -> None:
    whole = open_dataset("folder", damaged)
    fewer = whole.without(DAMAGED)
    assert whole.without([]) is whole
    assert len(whole.samples) == 12, "the original is as it was"
    assert [s.id for s in fewer.samples] == [s.id for s in whole.samples if s.id not in DAMAGED]
    assert fewer.without(["p00"]).left_out == ("p00", *DAMAGED)
    assert fewer.fingerprint() == whole.fingerprint(), "the content is the same"
    assert fewer.content_key() != whole.content_key() == whole.fingerprint()
    with pytest.raises(InputError, match=r"or train without it: leave_out=p0[38]"):
        prepare(whole, size=SIDE)
    prepared = prepare(fewer, size=SIDE)
    assert len(prepared.ids) == 10
    assert len(prepare(fewer.without(["p00"]), size=SIDE).ids) == 9, "not the other's arrays"


def test_the_check_names_them_ready_to_copy(damaged: Path) -> None:
    found = {f.kind: f for f in check_dataset(open_dataset("folder", damaged)).findings}
    assert found["unreadable"].advice.endswith("Ready to copy: `leave_out=p03,p08`.")


def test_near_duplicates_are_sought_among_what_is_used(damaged: Path) -> None:
    for name in ("images", "masks"):
        file = damaged / name / "p01.png"
        (damaged / name / "p99.png").write_bytes(file.read_bytes())
    whole = open_dataset("folder", damaged)
    assert duplicate_groups(whole.without(["p99"])) == {}
    assert set(duplicate_groups(whole)) == {"p01", "p99"}, "the fewer's answer is not the whole's"


def test_patients_go_with_all_their_images(sections: Path) -> None:
    whole = open_dataset("isbi2012", sections)
    group = whole.samples[0].group
    gone = {sample.id for sample in whole.samples if sample.group == group}
    fewer = whole.without([group])
    assert len(gone) > 1
    assert not gone & {sample.id for sample in fewer.samples}
    assert len(fewer.samples) == len(whole.samples) - len(gone)


def test_what_there_is_not_is_refused_and_something_has_to_stay(damaged: Path) -> None:
    whole = open_dataset("folder", damaged)
    with pytest.raises(InputError, match=r"no image or patient 'p77'.* for example, 'p00'"):
        whole.without(["p77"])
    with pytest.raises(InputError, match="keep some"):
        whole.without([sample.id for sample in whole.samples])


@pytest.mark.parametrize(
    ("given", "meant"),
    [("p03, p08", ["p03", "p08"]), (["p03"], ["p03"]), (17, ["17"]), ("", []), (",a,", ["a"])],
)
def test_ids_come_with_commas_or_as_a_list(given: object, meant: list[str]) -> None:
    config = RunConfig(dataset="folder").with_settings({"leave_out": given}, {})
    assert config.leave_out == meant
    assert RunConfig.of_document(config.document()) == config


def test_a_training_goes_by_the_others_and_says_so(
    damaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(InputError, match="the PNG data are damaged"):
        train(create_run(config_of(damaged), name="whole"))
    run = create_run(config_of(damaged, leave_out="p03,p08"), name="fewer")
    assert trial(run.config).steps == 2
    train(run)
    used = {*run.split.train, *run.split.val, *run.split.test}
    assert len(used) == 10
    assert not used & set(DAMAGED)
    card = (promote(run, "fewer") / "card.md").read_text()
    assert "Excluded manually: `p03`, `p08`." in card


def test_the_command_takes_ids(damaged: Path) -> None:
    words = ["train", "--dataset", "folder", "--data", str(damaged), "--name", "asked"]
    for name in ("size=32", "epochs=1", "base_filters=4"):
        words += ["--set", name]
    for name in DAMAGED:
        words += ["--leave-out", name]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert open_run("asked").config.leave_out == list(DAMAGED)
    wrong = CliRunner().invoke(app, [*words[:-1], "p77"])
    assert isinstance(wrong.exception, InputError)
