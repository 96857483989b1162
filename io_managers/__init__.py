"""How Dagster hands tables from asset to asset, and what its UI shows of them."""
