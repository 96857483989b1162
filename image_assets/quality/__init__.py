"""Quality: what images look like, which are alike, which labels are in doubt, how days differ."""
