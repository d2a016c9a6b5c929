"""A page run without a browser: opened, pressed, read."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]


def run_page(name: str, **parameters: str | list[str]) -> AppTest:
    """A page of the dashboard, opened by its address.

    Args:
        name: Of its file.
        **parameters: Of the address.
    """
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=300)
    if name != "predict":
        app.switch_page(f"../pages/{name}.py")
    for key, value in parameters.items():
        app.query_params[key] = value
    app.run()
    return app


def press(app: AppTest, label: str) -> None:
    """Press the first button of this label."""
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def texts(app: AppTest) -> str:
    """What the page says."""
    shown = [*app.caption, *app.markdown, *app.warning, *app.error, *app.info]
    return "\n".join(element.value for element in shown)
