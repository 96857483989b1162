"""What measures the unit costs: the real platform at small sizes, on this machine."""
