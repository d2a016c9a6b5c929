"""``GET /docs``: what ``/openapi.json`` says as a page without scripts or outside hosts."""

from html import escape
from typing import Any

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code { background: #8882; padding: 0 .25em } h2 { margin-top: 2rem }
table { border-collapse: collapse } th, td { text-align: left; vertical-align: top }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #8884 }
:root { color-scheme: light dark }
"""


def docs_page(document: dict[str, Any]) -> str:
    """A page for people.

    Args:
        document: In OpenAPI 3.
    """
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    operations = "".join(
        _operation(f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(info['description'])} For programs: "
        f"<code>openapi.json</code>.</p>{operations}</html>"
    )


def _operation(title: str, operation: dict[str, Any]) -> str:
    parameters = [
        (one["name"], one.get("description", "")) for one in operation.get("parameters", [])
    ]
    body = list(operation.get("requestBody", {}).get("content", {}))
    answers = [(code, one["description"]) for code, one in operation["responses"].items()]
    return "".join(
        (
            f"<h2><code>{escape(title)}</code></h2><p>{escape(operation['summary'])}.</p>",
            f"<p>Body: {escape(' or '.join(body))}</p>" if body else "",
            _table("Parameter", parameters),
            _table("Status", answers),
        )
    )


def _table(heading: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(words)}</td></tr>"
        for name, words in rows
    )
    return f"<table><tr><th>{heading}</th><th>Meaning</th></tr>{cells}</table>"
