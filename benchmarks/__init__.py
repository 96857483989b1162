"""Measurements: every claim of speed or memory comes from here. Nothing in the product imports it."""
