"""A volume in Chromium: linked planes, a threshold that follows the hand, the mask downloaded."""

import gzip
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from core.imaging import Volume, read_any
from core.imaging.planes import to_slices
from core.models import load_weights
from tests.apps.volume_data import DEPTH, HEIGHT, WIDTH, drawn_volume
from tests.layout import unfold, uploader

pytestmark = pytest.mark.browser
nib: Any = nibabel  # its types are half there


@pytest.fixture(scope="module")
def plain(streamlit_server: Callable[..., str]) -> str:
    """The viewer alone."""
    return streamlit_server("tests/apps/volume_app.py")


@pytest.fixture(scope="module")
def site(streamlit_server: Callable[..., str]) -> str:
    """The dashboard as it is shipped."""
    return streamlit_server("dashboard/app.py")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address; a script error fails the test."""
    pages: list[Page] = []
    faults: list[str] = []

    def go(url: str, **options: Any) -> Page:
        settings: dict[str, Any] = {
            "viewport": {"width": 1440, "height": 900},
            "accept_downloads": True,
        }
        page = browser.new_context(**(settings | options)).new_page()
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        pages.append(page)
        page.goto(url)
        return page

    yield go
    for page in pages:
        page.context.close()
    assert faults == []


def ready(page: Page) -> Locator:
    root = page.locator(".isoline.volume")
    expect(root).to_be_visible(timeout=120_000)
    page.wait_for_function("r => r.__isoline?.ready", arg=root.element_handle(), timeout=60_000)
    return root


def ask(root: Locator, what: str) -> Any:
    return root.evaluate(f"root => root.__isoline.{what}")


def settled(root: Locator) -> None:
    root.page.wait_for_function("r => r.__isoline.ready", arg=root.element_handle())


def planes_at(levels: NDArray[np.uint16], at: list[int]) -> list[NDArray[np.uint16]]:
    """Axial, coronal and sagittal slice through a voxel of (D, H, W) in axial slices."""
    file = levels.transpose(2, 1, 0)  # left, posterior, superior
    found = []
    for plane, axis in (("axial", 0), ("coronal", 1), ("sagittal", 2)):
        found.append(to_slices(file, "LPS", plane=plane)[at[axis]])
    return found


def test_the_planes_show_the_slices_through_the_cross_and_follow_a_click(
    plain: str, visit: Callable[..., Page]
) -> None:
    root = ready(visit(f"{plain}/?spacing=0.8"))
    assert not root.locator("[data-sides]").first.is_visible()  # not stated, so not claimed
    levels = drawn_volume()[1]
    at = ask(root, "at")
    assert levels[tuple(at)] >= 412  # begins where there is something to see
    for n, expected in enumerate(planes_at(levels, at)):
        np.testing.assert_array_equal(ask(root, f"codes({n})"), expected.ravel() + 1)
    stage = root.locator(".plane.big .stage").bounding_box()
    assert stage is not None
    target = ask(root, "toScreen(0, 7, 11)")
    root.page.mouse.click(stage["x"] + target["x"], stage["y"] + target["y"])
    settled(root)
    assert ask(root, "at") == [at[0], 7, 11]
    for n, expected in enumerate(planes_at(levels, [at[0], 7, 11])):
        np.testing.assert_array_equal(ask(root, f"codes({n})"), expected.ravel() + 1)
    root.page.mouse.wheel(0, -100)
    root.page.wait_for_function(
        "([r, d]) => r.__isoline.at[0] !== d", arg=[root.element_handle(), at[0]]
    )
    assert ask(root, "at")[1:] == [7, 11]


def test_the_threshold_follows_the_hand_in_counts_ribbons_and_python(
    plain: str, visit: Callable[..., Page]
) -> None:
    page = visit(f"{plain}/?spacing=0.5")
    root = ready(page)
    levels = drawn_volume()[1]
    for k in (0, 1, 412, 777, 1000):
        assert ask(root, f"voxels({k})") == (levels >= k).sum()
        for n, axes in enumerate([(1, 2), (0, 2), (0, 1)]):
            np.testing.assert_array_equal(
                ask(root, f"sizes({n}, {k})"), (levels >= k).sum(axis=axes)
            )
    track = root.get_by_role("slider", name="Threshold")
    track.focus()
    page.keyboard.press("PageUp")
    expect(page.get_by_text("Python heard 512")).to_be_visible(timeout=20_000)
    voxels = (levels >= 512).sum()
    ml = voxels * 3 * 0.5**3 / 1000
    text = root.locator("[data-value=volume]").inner_text()
    assert f"{voxels:,} voxels" in text
    assert f"{ml:.3f} ml" in text
    ribbon = root.get_by_role("slider", name="Axial slice")
    ribbon.focus()
    page.keyboard.press("Home")
    settled(root)
    assert ask(root, "at")[0] == 0
    assert ribbon.get_attribute("aria-valuenow") == "1"
    page.keyboard.press("End")
    settled(root)
    assert ask(root, "at")[0] == DEPTH - 1


def test_projection_and_window(plain: str, visit: Callable[..., Page]) -> None:
    page = visit(f"{plain}/?raw=1")
    root = ready(page)
    values, levels = drawn_volume(raw=True)
    assert "voxels" in root.locator("[data-value=volume]").inner_text()
    page.get_by_role("button", name="Projection").click()
    settled(root)
    np.testing.assert_array_equal(ask(root, "codes(0)"), levels.max(axis=0).ravel() + 1)
    low = values.min()
    np.testing.assert_array_equal(ask(root, "values(0)"), (values.max(axis=0) - low).ravel())
    page.get_by_role("button", name="lung").click()
    assert ask(root, "window") == [-600, 1500]
    page.get_by_role("button", name="As opened").click()
    assert ask(root, "window") == [(int(values.min()) + int(values.max())) / 2, np.ptp(values)]


def nifti() -> bytes:
    """The synthetic volume, its axes turned and flipped against those of an upright slice."""
    values = drawn_volume(raw=True)[0]  # superior, posterior, left
    turned = np.ascontiguousarray(values.transpose(1, 2, 0)[::-1])  # anterior, left, superior
    affine = np.array([[0, -0.5, 0, 20], [0.5, 0, 0, -30], [0, 0, 3, 5], [0, 0, 0, 1]])
    image = nib.Nifti1Image(turned, affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes())


def test_a_volume_is_predicted_looked_at_and_taken_along(
    site: str, visit: Callable[..., Page], tmp_path: Path
) -> None:
    page = visit(site)
    expect(page.locator(".isoline")).to_be_visible(timeout=120_000)
    file = tmp_path / "drawn.nii.gz"
    file.write_bytes(nifti())
    uploader(page).set_input_files(file)
    page.get_by_role("radio", name="Whole volume").click(timeout=60_000)
    root = ready(page)
    letters = root.locator(".plane.big").get_by_role("img", name="Patient's right at the left")
    expect(letters).to_have_text("RLAP")
    page.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("PageUp")
    caption = page.get_by_text(re.compile(r"^Mask at threshold 0\.\d{3}"))
    k = ask(root, "threshold")
    expect(caption).to_have_text(f"Mask at threshold {k / 1000:.3f}", timeout=30_000)
    page.get_by_role("button", name="Download").click()
    button = page.get_by_role("button", name="Mask, NIfTI", exact=True)
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "drawn_mask.nii.gz"
    content = Path(download.value.path()).read_bytes()
    mask = nib.Nifti1Image.from_stream(io.BytesIO(gzip.decompress(content)))
    source = nib.load(file)
    np.testing.assert_allclose(mask.affine, source.affine)
    volume = read_any(file)
    assert isinstance(volume, Volume)
    predictor = load_weights("isbi2012-unet").predictor
    levels = np.stack([predictor.levels(one) for one in volume.to_uint8()])
    assert levels.shape == (DEPTH, HEIGHT, WIDTH)
    assert ask(root, f"voxels({k})") == (levels >= k).sum()
    upright = to_slices(np.asarray(mask.dataobj), volume.orientation)
    np.testing.assert_array_equal(upright == 1, levels >= k)
    page.keyboard.press("Escape")
    page.get_by_text("3D surface").click()
    expect(page.locator(".js-plotly-plot")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile("Surface at threshold .* triangles"))).to_be_visible()


def test_two_models_beside_each_other_zoom_together(site: str, visit: Callable[..., Page]) -> None:
    page = visit(site)
    expect(page.locator(".isoline")).to_be_visible(timeout=120_000)
    unfold(page, "More")
    page.get_by_role("combobox", name=re.compile("Models beside it")).click()
    page.get_by_role("option", name=re.compile("otsu")).click()
    page.keyboard.press("Escape")
    both = page.locator(".isoline")
    expect(both).to_have_count(2, timeout=60_000)
    for n in range(2):
        page.wait_for_function("r => r.__isoline?.ready", arg=both.nth(n).element_handle())
    both.nth(0).locator(".stage").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(
        "r => !r.__isoline.view.fitted", arg=both.nth(1).element_handle(), timeout=10_000
    )
    one, two = (both.nth(n).evaluate("r => r.__isoline.view") for n in range(2))
    assert [two["x"], two["y"]] == pytest.approx([one["x"], one["y"]], abs=1)
    first = both.nth(0).evaluate("r => r.__isoline.threshold")
    both.nth(1).locator(".track").focus()
    page.keyboard.press("Home")
    assert both.nth(0).evaluate("r => r.__isoline.threshold") == first


def test_many_files_are_one_table_and_one_zip(
    site: str, visit: Callable[..., Page], tmp_path: Path
) -> None:
    import zipfile

    from PIL import Image

    page = visit(site)
    expect(page.locator(".isoline")).to_be_visible(timeout=120_000)
    files = []
    for n in range(3):
        picture = np.random.default_rng(n).integers(0, 256, (40, 48), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / f"cell {n}.png")
        files.append(tmp_path / f"cell {n}.png")
    uploader(page).set_input_files(files)
    unfold(page, "All 3 at once")
    page.get_by_role("button", name="Predict all 3").click()
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Everything as one zip").click(timeout=60_000)
    with zipfile.ZipFile(download.value.path()) as archive:
        names = archive.namelist()
    assert {f"cell {n}_mask.png" for n in range(3)} <= set(names)
    assert "results.csv" in names


def test_a_volume_fits_a_phone(plain: str, visit: Callable[..., Page]) -> None:
    page = visit(f"{plain}/?spacing=1", viewport={"width": 390, "height": 844}, has_touch=True)
    root = ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = [root.locator(".plane").nth(n).bounding_box() for n in range(3)]
    assert all(box and box["width"] > 100 and box["height"] > 100 for box in boxes)
