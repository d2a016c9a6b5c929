"""The HTTP API: a server of its own (``python -m core serve``), or routes in another's process.

curl -F file=@image.png 'http://127.0.0.1:8000/predict?format=mask' -o mask.png
"""

from core.serve.http import routes
from core.serve.limits import Limits, allowed_hosts

__all__ = ["Limits", "allowed_hosts", "routes"]
