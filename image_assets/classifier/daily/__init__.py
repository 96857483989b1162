"""The cheap model of an ordinary day from running totals, and when a full training is due."""
