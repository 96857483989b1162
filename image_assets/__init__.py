"""The assets of the platform: a folder per stage, in the order in which data flows."""
