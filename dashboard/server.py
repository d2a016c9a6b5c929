"""The dashboard and the HTTP API in one process, for small use.

    streamlit run dashboard/server.py

The API lies under ``/api``: ``/api/predict``, ``/api/models``, ``/api/docs``. A token in
``ISOLINE_TOKEN`` is asked for there. For more than a few requests run ``python -m core serve``,
which also bounds the headers of a request and the time they take.
"""

import os
import sys
from pathlib import Path

from streamlit import config
from streamlit.starlette import App

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit adds the folder of this file, not the checkout
    sys.path.insert(0, str(ROOT))

from core.serve import Limits, allowed_hosts, routes  # noqa: E402 - needs the path above

limits = Limits(
    in_flight=4,
    token=os.environ.get("ISOLINE_TOKEN", ""),
    hosts=allowed_hosts(config.get_option("server.address") or ""),
)
app = App(ROOT / "dashboard" / "app.py", routes=routes(limits=limits))
