"""The plan to 10,000 times the images: measured costs of units, a model that is fed with them, what it says."""
