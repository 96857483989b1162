"""The map: where every image lies among those that look like it, what is said of it there, and which are chosen."""
