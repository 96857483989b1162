"""How images per second grow with cores, by processes and threads."""
