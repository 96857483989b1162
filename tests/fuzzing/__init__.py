"""Doors that take bytes from anybody are given a great many damaged ones: each answers or refuses, in seconds."""
