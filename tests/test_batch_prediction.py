"""Uploads in the background: the same table and zip as the command line; problems are told."""

import io
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.export.model_facts import model_facts
from core.imaging import SourceFile
from core.models import load_weights
from core.predict.batch import PredictionOptions
from core.predict.uploads import BatchPrediction


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def batch(*sources: SourceFile, k: int = 500) -> BatchPrediction:
    trained = load_weights("classical/otsu")
    return BatchPrediction(
        trained,
        model_facts(trained),
        sources,
        items=len(sources),
        wanted=PredictionOptions(formats=("mask", "csv"), k=k, archive=True),
        turn=threading.Lock(),
    )


def test_a_row_and_the_files_of_each_picture() -> None:
    job = batch(*(SourceFile(name=f"cell {n}.png", data=picture(n)) for n in range(3)))
    job.start()
    assert job.wait(60) == "done"
    assert [row["input"] for row in job.rows] == [f"cell {n}.png" for n in range(3)]
    assert job.done == job.total == 3
    with zipfile.ZipFile(io.BytesIO(job.archive)) as archive:
        assert set(archive.namelist()) == {
            "results.csv",
            *(f"cell {n}_mask.png" for n in range(3)),
            *(f"cell {n}_measurements.csv" for n in range(3)),
        }
        mask = np.asarray(Image.open(io.BytesIO(archive.read("cell 1_mask.png")))) == 255
    assert job.rows[1]["foreground_px"] == mask.sum()
    assert not any("mask" in row or "files" in row for row in job.rows)  # paths that are gone


def test_what_cannot_be_read_in_a_zip_is_told_and_the_rest_is_done() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("good.png", picture(1))
        archive.writestr("bad.png", b"words")
    job = batch(SourceFile(name="two.zip", data=stream.getvalue()))
    job.start()
    assert job.wait(60) == "done"
    assert len(job.rows) == 1
    assert "bad.png" in job.left_out[0]


def test_what_is_damaged_or_no_picture_stops_no_other() -> None:
    job = batch(
        SourceFile(name="a.png", data=picture(1)[:60]),
        SourceFile(name="b.png", data=picture(1)),
        SourceFile(name="c.png", data=b"words"),
        SourceFile(name="d.png", data=picture(2)),
    )
    job.start()
    assert job.wait(60) == "done"
    assert [row["input"] for row in job.rows] == ["a.png", "b.png", "d.png"]
    assert [row["foreground_px"] is None for row in job.rows] == [True, False, False]
    assert sorted(line[:5] for line in job.left_out) == ["a.png", "c.png"]
    with zipfile.ZipFile(io.BytesIO(job.archive)) as archive:
        assert {"b_mask.png", "d_mask.png", "results.csv"} <= set(archive.namelist())


def test_a_name_given_twice_is_one_sentence() -> None:
    job = batch(*(SourceFile(name="same.png", data=picture(n)) for n in range(2)))
    job.start()
    assert job.wait(60) == "failed"
    assert job.problem == "same.png is there twice; rename one of them"


@pytest.mark.parametrize("name", ["../../etc/passwd.png", "a/b\\c?.png", "..png"])
def test_a_strangers_name_stays_in_the_folder(name: str) -> None:
    job = batch(SourceFile(name=name, data=picture(1)))
    job.start()
    assert job.wait(60) == "done"
