"""The command `image-assets`: a module per command, and what they print."""
