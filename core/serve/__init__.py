"""The HTTP API: a server of its own (``python -m core serve``), or routes in another's process.

    curl -F file=@image.png 'http://127.0.0.1:8000/predict?format=mask' -o mask.png

``server`` needs LitServe and is imported where it runs.
"""

from core.serve.guard import Limits
from core.serve.http import routes

__all__ = ["Limits", "routes"]
