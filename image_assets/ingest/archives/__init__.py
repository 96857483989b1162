"""Archives: members streamed one by one, under names of our own, within caps."""
