"""Train: plan a training, see what it will cost, start it in a process of its own and watch it."""

import streamlit as st

from core.errors import InputError
from dashboard.common import phone, widgets
from dashboard.common.foreign_text import as_text
from dashboard.runs import follow as train_views
from dashboard.train import cost as train_cost
from dashboard.train import form as train_form

train_views.catch_up()
train_form.from_link()
rail, stage = st.columns([1, 2.6], gap="medium")
facts: list[str] = []

with rail:
    widgets.head("Train", "A training continues when you close this page.")
    try:
        with phone.later() if train_views.active() else st.container():
            plan = train_form.ask_all()
            config = plan.config
            facts = [
                f"Data {config.dataset}",
                f"{config.model}, {config.loss}, {config.optimizer}, batch {config.batch_size}",
            ]
            train_cost.cost(config, plan.count)
            words = "Start training" if plan.count == 1 else f"Start {plan.count} trainings"
            if st.button(words, type="primary", icon=":material/play_arrow:", width="stretch"):
                started = plan.start()
                if len(started) == 1:
                    st.query_params["run"] = started[0].name
                else:
                    st.query_params.pop("run", None)  # whichever trains
    except InputError as wrong:  # what trains stays in view
        st.error(as_text(wrong), icon=":material/error:")

with stage:
    train_views.watch()

widgets.foot(*facts)
