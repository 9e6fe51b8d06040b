"""Makes up support tickets and lands their updates in the raw zone, day by day: `python -m generator --help`."""
