"""A command that runs beside the page: started by a button, watched, stopped, read at its end."""

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, Any, Self

from core.system.processes import python, start_detached

STOP_SECONDS = 3.0


@dataclass
class Subprocess:
    """A command under way, or what came of it."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    """What it prints."""
    log: IO[bytes]
    """What it complains of."""
    started: float = field(default_factory=time.monotonic)
    answer: dict[str, Any] | None = None
    """Its JSON document, once it has ended well."""
    fault: str = ""
    """Why it ended otherwise."""

    @classmethod
    def start(cls, *words: str) -> Self:
        """Run ``python -m <words>`` in a session of its own, so that it can be stopped whole."""
        out, log = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed at its end
        return cls(start_detached(python(*words), out=out, errors=log), out, log)

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.started

    def done(self) -> bool:
        """Whether it has ended; reads what it said."""
        if self.out.closed:
            return True
        if self.process.poll() is None:
            return False
        self.out.seek(0)
        self.log.seek(0)
        said, complaint = self.out.read().decode(), self.log.read().decode(errors="replace")
        self._close()
        if self.process.returncode == 0:
            self.answer = json.loads(said)
        else:
            last = complaint.strip().splitlines()[-1:] or ["it ended without a word"]
            self.fault = last[0].removeprefix("error: ")
        return True

    def stop(self) -> None:
        """End it now."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()
        self.fault = "stopped"

    def _close(self) -> None:
        self.out.close()
        self.log.close()
