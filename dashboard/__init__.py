"""Streamlit's side of things: caches, charts, widgets and the threshold viewer."""
