"""Pairs of images that look alike, as the tests make them up."""

import polars as pl

PAIRS = pl.Schema(
    {
        "image_id": pl.String,
        "date": pl.Date,
        "category": pl.String,
        "other_id": pl.String,
        "other_date": pl.Date,
        "other_category": pl.String,
    }
)
"""What is read of `near_duplicates`."""
