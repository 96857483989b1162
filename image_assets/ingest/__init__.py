"""Sources to raw_images and quarantine: what arrives, and whether it is an image."""
