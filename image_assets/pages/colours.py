"""The colours of plots and maps: told apart also by who sees fewer of them."""

from __future__ import annotations

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C7A00")
"""After Okabe and Ito, "Color Universal Design" (2008); their yellow is darker here, to be seen on white."""
