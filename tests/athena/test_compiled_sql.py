"""What dbt makes of the project, of all rows and of a day on top, is clean SQL by the dialect of each engine."""
