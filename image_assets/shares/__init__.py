"""published shards → links to exact contents of them, which end by themselves or are revoked."""
