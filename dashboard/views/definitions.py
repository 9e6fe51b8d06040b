"""What each number counts, from which table."""

from __future__ import annotations

import streamlit as st

from dashboard.definitions import definitions
from dashboard.shown import PARAMETER


def show() -> None:
    st.title("Definitions")
    st.caption(
        "Each number of the dashboard: what it counts, and the published table and column that it is counted from."
    )
    asked = st.query_params.get(PARAMETER)
    found = sorted(definitions().values(), key=lambda one: one.name != asked)
    for one in found:
        with st.container(border=one.name == asked):
            st.subheader(one.title, anchor=one.name)
            st.markdown(one.text)
            st.markdown(f":small[From `{one.source}`" + (f"; {one.better} is better.]" if one.better else ".]"))
