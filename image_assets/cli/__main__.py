"""`python -m image_assets.cli` is the command `image-assets`."""

from image_assets.cli.process import process

if __name__ == "__main__":
    process()
