"""What must hold: one module per asset, built for each dataset by a factory."""
