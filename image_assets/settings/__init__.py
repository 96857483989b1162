"""The sections of a dataset file, with their defaults and what they mean."""
