"""Lists of URLs from gallery pages, collected by a real browser: the extra `scrape`."""
