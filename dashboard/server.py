"""The dashboard and the HTTP API in one process, for small use.

    streamlit run dashboard/server.py

The API lies under ``/api``: ``/api/predict``, ``/api/models``, ``/api/openapi.json``. A token in
``ISOLINE_TOKEN`` is asked for there. For more than a few requests run ``python -m core serve``.
"""

import os
import sys
from pathlib import Path

from streamlit.starlette import App

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit adds the folder of this file, not the checkout
    sys.path.insert(0, str(ROOT))

from core.serve import Limits, routes  # noqa: E402 - needs the path above

app = App(
    ROOT / "dashboard" / "app.py",
    routes=routes(limits=Limits(in_flight=4, token=os.environ.get("ISOLINE_TOKEN", ""))),
)
