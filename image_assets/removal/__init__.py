"""Images that are removed for good: what keeps them out, what takes them out, and what shows that they are gone."""
