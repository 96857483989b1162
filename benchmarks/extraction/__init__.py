"""Extraction beside its peers: the same photos, the same model and the same output file for everybody."""
