"""Train longer: a run continues beyond the epochs it was made for, and says so.

python -m core resume RUN --epochs 80
"""

from dataclasses import replace

from core.config import RunConfig
from core.errors import InputError
from core.runs import Run
from core.training.optimization import extension


def extend(run: Run, epochs: int) -> RunConfig:
    """Set another end for a run; the learning rate is annealed anew over the epochs to come.

    What was done is kept in ``config.extensions``: after how many epochs, what had been planned,
    and from which learning rate the rest starts.

    Args:
        run: Finished or not, with at least one epoch done.
        epochs: In all, from the first.

    Returns:
        The run's new config.

    Raises:
        InputError: The run is under way, has not begun, or has done so many epochs already.
    """
    config, history = run.config, run.history
    if run.under_way:
        raise InputError(f"run {run.name} is under way; stop it first, then train it longer")
    if not history:
        raise InputError(f"run {run.name} has no epoch done yet; continue with it without --epochs")
    if epochs <= len(history):
        raise InputError(
            f"run {run.name} has {len(history)} epochs done; give more with --epochs, in all"
        )
    if epochs == config.epochs:
        return config
    record = extension(config, epochs_done=len(history), rate=history[-1]["learning_rate"])
    config = replace(config, epochs=epochs, extensions=[*config.extensions, record])
    run.save_config(config)
    return config
