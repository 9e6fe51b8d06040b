"""Makes up support tickets and what is around them, and lands it all day by day: `python -m generator --help`."""
