"""Beginning with weights that are there, of a shipped model or a run, rather than random ones.

Fine-tuning: a network that has learned one kind of image needs fewer of the next. What it has
was trained on must not evaluate it: see ``refuse_leak``.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.data.splits import Split
from core.errors import InputError
from core.models import Stored, list_weights, shipped_config, stored_run, stored_weights
from core.models.provenance import provenance
from core.networks import card_of
from core.runs import Run, open_run, runs_folder


def source_of(name: str) -> Stored:
    """The weights of a shipped model, else of a run's best epoch.

    Raises:
        InputError: There are none of this name, or they cannot be read.
    """
    if name in list_weights():
        return stored_weights(name)
    return stored_run(_run_of(name))


def _run_of(name: str) -> Run:
    """A run to start from; errors as ``source_of``."""
    try:
        return open_run(name)
    except InputError:
        raise InputError(
            f"nothing to start from is called '{name}'; choose a shipped model "
            f"({', '.join(list_weights())}) or a run (python -m core runs list)"
        ) from None


def startable() -> list[str]:
    """What there is to start from: shipped models, then runs with a best epoch, newest first."""
    shipped = list_weights()
    files = runs_folder().glob("*/checkpoints/best.pt")
    runs = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    return shipped + [name for file in runs if (name := file.parents[1].name) not in shipped]


def _config_of(name: str) -> RunConfig:
    """What the weights were trained by, without reading them; errors as ``source_of``."""
    if name in list_weights():
        return shipped_config(name)[0]
    run = _run_of(name)
    return run.config if (run.path / "checkpoints/best.pt").exists() else source_of(name).config


def beginning_with(config: RunConfig, name: str) -> RunConfig:
    """A config that starts from weights: the same network, and images seen in the same way.

    Raises:
        InputError: As ``source_of``.
    """
    of = _config_of(name)
    return replace(
        config,
        start_from=name,
        model=of.model,
        model_options=dict(of.model_options),
        members=of.members,
        size=of.size,
        aspect=of.aspect,
        tile=of.tile,
        slices=of.slices,
        crops_per_image=of.crops_per_image if of.tile else 1,
    )


def start_from(model: nn.Module, source: Stored) -> list[str]:
    """Put weights into a fresh network.

    The last layer starts anew where there are other classes to mark, and the first layer is made to
    fit where grey images become coloured ones or the other way round.

    Returns:
        What was not taken over as it is, a sentence each.

    Raises:
        InputError: They are of another network.
    """
    own, notes = model.state_dict(), []
    if set(own) != set(source.state):
        raise _another(source.name, source.config)
    fitted: dict[str, Tensor] = {}
    for key, wanted in own.items():
        found = source.state[key]
        if found.shape == wanted.shape:
            fitted[key] = found
        elif found.shape[1:] == wanted.shape[1:] and len(found) == source.outputs:
            fitted[key] = wanted  # as many maps as there are classes now
            notes.append(
                f"{key} starts anew: it segments {len(wanted)} maps and marked {len(found)}"
            )
        elif found.ndim > 3 and {found.shape[1], wanted.shape[1]} == {1, 3}:
            summed = found.sum(dim=1, keepdim=True)
            fitted[key] = summed / wanted.shape[1] * torch.ones_like(wanted)
            notes.append(
                f"{key} sees {wanted.shape[1]} channels where it saw {found.shape[1]}; its weights "
                "were shared out among them"
            )
        else:
            raise _another(source.name, source.config)
    model.load_state_dict(fitted)
    return notes


def check_start(config: RunConfig) -> None:
    """Refuse weights of another network before there is a run.

    Raises:
        InputError: As ``source_of``, or the config names another network.
    """
    if not config.start_from:
        return
    options, of = card_of(config.model).options, _config_of(config.start_from)
    theirs = (of.model, {**options, **of.model_options}, of.members)
    if theirs != (config.model, {**options, **config.model_options}, config.members):
        raise _another(config.start_from, of)


def _another(name: str, of: RunConfig) -> InputError:
    words = ", ".join(f"{k}={v}" for k, v in {**of.model_options, "members": of.members}.items())
    return InputError(
        f"{name} is another network than the one to train: {of.model}, {words}; leave its settings "
        "as they are and give images of as many channels, or start from something else"
    )


def refuse_leak(source: Stored, dataset: str, split: Split) -> None:
    """Refuse a split that evaluates by images which the weights have been trained on.

    It goes by the names of the images in one data set, and for what the weights themselves began
    with by its split; copies of images under another name are not recognised.

    Raises:
        InputError: Some of them are in the validation or the test split.
    """
    if source.config.dataset == dataset:
        trained_on = set(source.split.train)
        chose = trained_on | set(source.split.val)  # its epoch was chosen by these
        leaked = [identity for identity in split.test if identity in chose]
        leaked += [identity for identity in split.val if identity in trained_on]
        if leaked:
            raise InputError(
                f"{len(leaked)} validation or test images are known to {source.name}, for "
                f"example {leaked[0]}; train with its split (the same split_seed, folds and fold) "
                "or start from something else. If these are other images of the same names, import "
                "them under a name of their own (datasets import … --as NAME)"
            )
    before = provenance(source)["started_from"]
    while before:
        if before["dataset"] == dataset and before["split_hash"] != split.hash:
            raise InputError(
                f"{source.name} goes back to {before['name']}, which was trained on another split "
                f"of "
                f"{dataset}; train with that split or start from something else"
            )
        before = before["started_from"]
