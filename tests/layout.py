"""Parts of a page in a browser, found once they are there and have come to rest."""

from playwright.sync_api import Locator, Page

STILL_MS = 300
"""Nothing has moved for so long. Streamlit's expander unfolds in about half of it."""


def unfold(page: Page, title: str) -> Locator:
    """Open an expander and wait until its content has stopped moving.

    A click on what still moves is lost: the button is pressed in one place and let go in another.

    Args:
        page: With an expander of this title, closed.
        title: In full.
    """
    folder = page.locator("details").filter(has=page.get_by_text(title, exact=True)).first
    folder.locator("summary").click(timeout=60_000)
    rest(page)
    return folder


def uploader(page: Page, label: str = "or your own image") -> Locator:
    """The file input under this label; by its place alone another may be taken for it.

    Streamlit loads each uploader by itself, so that a later one may be in the page first.
    """
    block = page.get_by_test_id("stFileUploader").filter(has_text=label)
    return block.locator("input[type=file]")


def rest(page: Page) -> None:
    """Wait until the page's script has ended and the layout stands still."""
    page.wait_for_function(
        """still => {
            const app = document.querySelector('[data-testid=stApp]')
            const boxes = [...document.querySelectorAll('[data-testid=stElementContainer]')]
            const now = boxes.map(box => {
                const {x, y, width, height} = box.getBoundingClientRect()
                return [x, y, width, height]
            }).join() + app?.dataset.testScriptState
            const seen = window.__layout ?? {}
            if (now !== seen.now) window.__layout = {now, since: performance.now()}
            const idle = app?.dataset.testScriptState === 'notRunning'
            return idle && performance.now() - window.__layout.since >= still
        }""",
        arg=STILL_MS,
        timeout=60_000,
    )
