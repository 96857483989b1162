"""`python -m image_assets.cli` is the command `image-assets`."""

import sys

from image_assets.cli import main

if __name__ == "__main__":
    sys.exit(main())
