"""The platform: a folder per stage, with storage and pixels below them and what Dagster and people see above."""
