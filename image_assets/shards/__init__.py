"""Feature tables to files that are shared: shards of fixed size with a manifest."""
