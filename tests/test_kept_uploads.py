"""What was brought stays: through other pages and examples, until it is taken away."""

import io

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.pages import press, run_page


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def opened() -> AppTest:
    app = run_page("predict", model="weights/classical/otsu")
    app.file_uploader(key="uploads").upload("cells.png", png(1), "image/png").run()
    assert looked_at(app) == "cells.png"
    return app


def looked_at(app: AppTest) -> str:
    """The title at the foot of the page, where the image's name stands last."""
    assert not app.exception
    assert not app.error
    foot = next(c.value for c in reversed(app.caption) if "Research use only" in c.value)
    return foot.rsplit(" · ", 1)[-1].strip("*")


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_another_page_does_not_cost_the_upload() -> None:
    app = opened()
    app.switch_page("../pages/runs.py").run()
    app.switch_page("../pages/predict.py").run()
    assert looked_at(app) == "cells.png"
    assert "cells.png, brought before" in [caption.value for caption in app.caption]
    press(app, "Forget")
    assert looked_at(app) != "cells.png"
    assert "Forget" not in labels(app)


def test_an_example_is_looked_at_when_it_is_chosen_and_the_upload_waits() -> None:
    app = opened()
    (example,) = [box for box in app.selectbox if box.label == "Example"]
    example.select_index(1).run()
    assert looked_at(app) != "cells.png"
    press(app, "Back to cells.png")
    assert looked_at(app) == "cells.png"
    assert "Forget" not in labels(app), "the uploader lists it, with a cross of its own"


def test_a_new_file_is_looked_at_and_the_last_one_taken_away_leaves_an_example() -> None:
    app = opened()
    (example,) = [box for box in app.selectbox if box.label == "Example"]
    example.select_index(1).run()
    app.file_uploader(key="uploads").upload("more.png", png(2), "image/png").run()
    assert looked_at(app) in ("cells.png", "more.png")
    app.file_uploader(key="uploads").clear().run()
    assert looked_at(app) not in ("cells.png", "more.png")
    assert not [label for label in labels(app) if label.startswith(("Back to", "Forget"))]
