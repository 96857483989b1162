"""Proxies before the real S3 server of the tests: they note what passes, or do what a bad network does."""
