"""Families of classifiers compared: selection, nested cross-validation and what a person sees of them."""
