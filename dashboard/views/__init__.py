"""The pages, each a module with a function `show(lake, scope)` and the filters that it uses.

Not called pages: of a folder of that name Streamlit makes pages in its own way.
"""
