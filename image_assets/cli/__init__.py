"""The command `image-assets`: a module per command, and what they print."""

from image_assets.cli.command import main

__all__ = ["main"]
