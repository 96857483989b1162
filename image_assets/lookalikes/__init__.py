"""Which images look alike, in which groups, and what becomes of one picture under several categories."""
