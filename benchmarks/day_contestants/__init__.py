"""Peers of a day from files to features; each is a program of its own, run by an environment without this package."""
