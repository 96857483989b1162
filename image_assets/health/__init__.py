"""How a dataset fares: its accounts, what its checks say, how days differ from those before them."""
