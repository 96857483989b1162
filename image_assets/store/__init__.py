"""The store: tables, models and small records on a disk or in a bucket. Nothing here knows Dagster."""
