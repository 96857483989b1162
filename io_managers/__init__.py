"""How Dagster hands tables from asset to asset."""
