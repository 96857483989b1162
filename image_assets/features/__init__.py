"""Decoded images to feature vectors."""
