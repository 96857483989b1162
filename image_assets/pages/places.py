"""Where what pages and the UI show lies below a dataset's folder; light, for everybody."""

from __future__ import annotations

PLOTS = "plots"
"""The folder of the newest plots, the animation of the map, and the page on what there is."""
