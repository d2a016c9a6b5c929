"""Where state lives: ``ISOLINE_HOME``, by default ``workspace/`` in the checkout."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def home() -> Path:
    """The folder of runs, prepared data and jobs; not necessarily made yet."""
    return Path(os.environ.get("ISOLINE_HOME") or ROOT / "workspace").expanduser().resolve()


def real_data() -> Path | None:
    """A folder of published data sets on this machine, if there is one."""
    named = os.environ.get("ISOLINE_REALDATA")
    folder = Path(named).expanduser() if named else ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None
