"""How long the page of the map takes with a million images."""
