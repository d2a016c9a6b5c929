"""What is asked before a training starts: data, where the settings come from, values to try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.config import RunConfig, parse_setting
from core.data import info_of
from core.errors import InputError
from core.runs import Run, create_run, jobs, open_run, variants
from dashboard.common import phone
from dashboard.common.foreign_text import as_text
from dashboard.common.sources import allowed_settings, available, dataset_path
from dashboard.runs.settings import FIRST, GROUPS, SETTINGS, ask, fill, filled, shown

if TYPE_CHECKING:
    from core.papers.presets import Preset

DEFAULTS = "defaults"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a person is about to start."""

    config: RunConfig
    """All settings, as filled in."""
    name: str = ""
    """Of the run or of the grid; empty for one made of data, network and time."""
    preset: "Preset | None" = None
    """Where the settings come from, if from there."""
    parent: str | None = None
    """The run they come from, if from there."""
    values: Mapping[str, list[Any]] | None = None
    """Setting → values to try; None for one training."""

    @property
    def count(self) -> int:
        """Trainings."""
        return prod(len(several) for several in self.values.values()) if self.values else 1

    def start(self) -> list[Run]:
        """Make the runs and queue them, in their order.

        Raises:
            InputError: The settings contradict the data or one another, or a name is taken.
        """
        from core.training.planning import check_plan  # torch, here as elsewhere where it is used

        check_plan(self.config)
        tags = (self.preset.tag,) if self.preset and self.preset.paper else ()
        if self.values:
            group = self.name or "grid"
            runs = variants.grid(self.config, self.values, group=group, parent=self.parent)
        else:
            runs = [create_run(self.config, name=self.name or None)]
            runs[0].say_about(parent=self.parent)
        for run in runs:
            run.say_about(tags=tags)
            jobs.start(run)
        return runs


def from_link() -> None:
    """Take what the address names, once: ``?from=<run>``, or a data set with settings.

    The latter is ``?data=<name>&set=<key=value;key=value>``.
    """
    _from_settings()
    name = st.query_params.get("from", "")
    if name and st.session_state.get("train-from") != name:
        st.session_state["train-from"] = name
        try:
            config = open_run(name).config
        except InputError as wrong:
            st.toast(as_text(wrong), icon=":material/error:")
            return
        st.session_state["train-dataset"] = config.dataset
        st.session_state["train-start"] = f"run/{name}"


def _from_settings() -> None:
    dataset, lines = st.query_params.get("data", ""), st.query_params.get("set", "")
    if (dataset or lines) and st.session_state.get("train-link") != (dataset, lines):
        st.session_state["train-link"] = (dataset, lines)
        if dataset in available():
            st.session_state["train-dataset"] = dataset
        elif dataset:
            st.toast(f"there is no data set {as_text(dataset)} here", icon=":material/error:")
        asked = lines.replace(";", "\n").splitlines()
        settings = [line for line in asked if line.partition("=")[0].strip() != "data"]
        if len(settings) < len(asked):
            st.toast(
                "A link cannot say where data lies; choose a data set, or type the path under "
                "*Any other setting*.",
                icon=":material/error:",
            )
        st.session_state["train-set"] = "\n".join(settings)


def ask_all() -> Plan:
    """The whole form.

    Raises:
        InputError: Settings contradict one another, or values to try are missing.
    """
    base, preset, parent, beginnings = _ask_first()
    config = _ask_settings(base, preset, beginnings)
    values, name = _ask_values(config)
    return Plan(config=config, name=name, preset=preset, parent=parent, values=values)


def _ask_first() -> tuple[RunConfig, "Preset | None", str | None, list[str]]:
    """Data set and where the settings come from.

    Returns:
        The config, the preset and the run that it is of, and what it could begin with.
    """
    parent = st.session_state.get("train-from", "")
    dataset = _dataset(parent)
    starts = _starts(dataset, parent)
    if st.session_state.get("train-start") not in starts:
        st.session_state["train-start"] = DEFAULTS
    start = st.selectbox(
        "Settings from",
        list(starts),
        format_func=lambda key: starts[key][0],
        key="train-start",
        persist_state="session",
        help="Small and quick to begin with; what we would use; or an experiment of a paper.",
    )
    _, config, preset = starts[start or DEFAULTS]
    beginnings, begin = _begin(config.start_from)
    with st.container():  # always there: what comes or goes would close the expander below
        if preset is not None:
            _about(preset)
        if begin:
            from core.training.planning import plan_config  # torch, here as elsewhere

            config = plan_config(config, initial_weights=begin)
            st.caption(f":material/redo: Begins with the weights of {as_text(begin)}")
    if st.session_state.get("train-filled") != (dataset, start, begin) or any(
        f"train-{name}" not in st.session_state for name in SETTINGS
    ):
        fill(config)
        st.session_state["train-filled"] = (dataset, start, begin)
        st.session_state["train-others"] = ""
    if others := st.session_state.pop("train-set", ""):
        st.session_state["train-others"] = others
    return config, preset, parent if start == f"run/{parent}" else None, beginnings


def _begin(given: str) -> tuple[list[str], str]:
    """What a training can begin with, and what was chosen; ``given`` is the settings' own choice.

    It is asked for under *More settings*, and the fields above follow it.
    """
    from core.training.initial_weights import startable

    names = startable()
    if given and given not in names:
        names.append(given)
    chosen = st.session_state.get("train-begin")
    if chosen not in (None, *names) or st.session_state.get("train-begin-of") != given:
        st.session_state["train-begin"], st.session_state["train-begin-of"] = given or None, given
    return names, st.session_state.get("train-begin") or ""


def _ask_begin(names: Sequence[str]) -> None:
    st.selectbox(
        "Begin with",
        names,
        index=None,
        placeholder="random weights",
        key="train-begin",
        persist_state="session",
        help="The weights of a shipped model or of a run: a network that has learned one kind of "
        "image needs fewer of the next. Its kind of network and the size at which it sees come "
        "along. A split that would evaluate by what it has been trained on is refused.",
    )


def _ask_settings(base: RunConfig, preset: "Preset | None", beginnings: Sequence[str]) -> RunConfig:
    """The settings as filled in.

    Raises:
        InputError: They contradict one another.
    """
    with phone.pairs("settings"):
        _in_pairs(FIRST, preset)
    with st.expander("More settings"):
        _ask_begin(beginnings)
        for title, names in GROUPS.items():
            st.markdown(f"**{title}**")
            _in_pairs(names, preset)
        st.text_area(
            "Any other setting",
            key="train-others",
            placeholder="augmentation.zoom=0.2\nleave_out=image-7,image-9",
            help="One key=value a line, as --set takes it: options of the network, loss.<option>, "
            "augmentation.<amount>, leave_out for images that are damaged or doubtful.",
            persist_state="session",
        )
    lines = (st.session_state["train-others"] or "").splitlines()
    others = dict(parse_setting(line) for line in lines if line.strip())
    others = allowed_settings(others, known=base.data)
    from core.training.planning import plan_config  # torch, here as elsewhere

    return plan_config(base, settings=filled(base) | others)


def _ask_values(config: RunConfig) -> tuple[dict[str, list[Any]] | None, str]:
    """Values to try, None for one training, and a name.

    Raises:
        InputError: A setting to try has no value.
    """
    with st.expander("Grid of values, and name"):
        several = st.multiselect(
            "Try several values of",
            list(SETTINGS),
            format_func=lambda name: SETTINGS[name].words if name in SETTINGS else name,
            key="train-grid",
            accept_new_options=True,
            placeholder="one training, no grid",
            help="Every combination becomes a run; all of them wait in the queue under one name. "
            "Type the key of a setting that is not listed.",
        )
        values = {}
        for name in several:
            words = SETTINGS[name].words if name in SETTINGS else name
            now = config.model_options.get(name, getattr(config, name, ""))
            text = st.text_input(
                f"Values of {as_text(words.lower())}",
                key=f"train-values-{name}",
                placeholder=f"{now}, …",
            )
            if not text.strip():
                raise InputError(f"{words}: give the values to try, with commas between them")
            tried = variants.parse_values(f"{name}={text}")[1]
            values[name] = [
                allowed_settings({name: value}, known=config.data)[name] for value in tried
            ]
        name = st.text_input(
            "Name of the grid" if several else "Name of the run",
            key="train-name",
            placeholder=f"{config.dataset}-grid" if several else "data, network and time",
        ).strip()
    return values or None, name or (f"{config.dataset}-grid" if several else "")


def _in_pairs(names: Sequence[str], preset: "Preset | None") -> None:
    model, info = st.session_state["train-model"], info_of(st.session_state["train-dataset"])
    asked = [name for name in names if shown(name, model)]
    for place in range(0, len(asked), 2):  # a row each, so that a label of two lines moves both
        columns = st.columns(2, vertical_alignment="bottom")
        for column, name in zip(columns, asked[place : place + 2], strict=False):
            with column:
                ask(name, preset, volumes=info.volumes)


def _dataset(parent: str) -> str:
    names = available()
    if parent and (chosen := st.session_state.get("train-dataset")) not in (None, *names):
        names.append(str(chosen))
    dataset = st.selectbox(
        "Data set",
        names,
        format_func=lambda name: info_of(name).title,
        persist_state="session",
        key="train-dataset",
        help="Real ones that are on this machine, and synthetic ones that need no download.",
    )
    return dataset or names[0]


def _starts(dataset: str, parent: str) -> dict[str, tuple[str, RunConfig, "Preset | None"]]:
    """Key → title, config and preset of what a training on a data set can start from."""
    path = dataset_path(dataset)
    info = info_of(dataset)
    data = str(path) if path else None
    from core.training.planning import default_config  # torch, here as elsewhere

    quick = replace(
        default_config(dataset, data=path),
        model_options={"base_filters": 16},
        tile=None if info.size else 256,
        epochs=20,
        schedule="cosine",
    )
    starts: dict[str, tuple[str, RunConfig, Preset | None]] = {
        DEFAULTS: ("Small and quick", quick, None)
    }
    if parent:
        try:
            config = replace(open_run(parent).config, extensions=[])
        except InputError:
            pass  # deleted meanwhile
        else:
            if config.dataset == dataset:
                starts[f"run/{parent}"] = (f"Run {parent}", config, None)
    presets = [preset for preset in _presets() if preset.config.dataset == dataset]
    for preset in sorted(presets, key=lambda preset: bool(preset.paper)):
        config = replace(preset.config, data=data, extensions=[])
        starts[f"preset/{preset.name}"] = (preset.title, config, preset)
    return starts


@st.cache_data(ttl=60, max_entries=1, show_spinner=False)
def _presets() -> "list[Preset]":
    from core.papers.presets import load_presets

    return load_presets()


def _about(preset: "Preset") -> None:
    """What the paper says, what we chose, and where ours is not the paper's."""
    with st.popover("Where these settings come from", icon=":material/menu_book:"):
        st.markdown(preset.setting or preset.reason)
        for title, lines in (
            ("Not in the paper, chosen by us", [f"{k}: {v}" for k, v in preset.chosen.items()]),
            ("Knowingly not the paper's", preset.differs),
        ):
            if lines:
                st.markdown(f"**{title}**\n" + "\n".join(f"- {line}" for line in lines))
