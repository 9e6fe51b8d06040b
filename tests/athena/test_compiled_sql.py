"""What dbt makes of the project is clean SQL by the dialect of each engine: models, tests and analyses, of all rows and of a day on top."""
