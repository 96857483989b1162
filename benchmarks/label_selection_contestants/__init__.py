"""The contestants of `benchmarks.label_selection`: each prints its answer as a line of JSON."""
