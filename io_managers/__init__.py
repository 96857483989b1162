"""How tables and models are kept."""
