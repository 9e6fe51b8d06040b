"""How long builds take, and what of it is needed: `python -m bench --help`."""
