"""What can go wrong when pages are collected."""


class CollectError(Exception):
    """Nothing can be collected, or not from this page: the message says why and what to do."""
