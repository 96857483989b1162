"""What there is to say of a dataset: each module answers one question, as plain frozen data with `as_json`.

The command line, the assets that report, pages and whoever else shows something read these. What belongs here: finding
out, and the shape of what was found. What does not: how it is shown. Nothing here knows Dagster.
"""
