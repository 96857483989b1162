"""Features to a classifier that is evaluated on images it never saw."""
