"""How often a fault is made by the tests: ISOLINE_FAULTS times their counts, 1 by default."""

import os

TIMES = float(os.environ.get("ISOLINE_FAULTS", "1"))


def times(count: int, *, at_least: int = 1) -> int:
    """``count`` at full strength, fewer in CI."""
    return max(at_least, round(count * TIMES))
