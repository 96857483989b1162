"""Which labels are in doubt: what a model takes for another category, and what is far from its own."""
