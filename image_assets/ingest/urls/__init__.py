"""Images that arrive as lists of URLs: the lists, the guard, the downloads, and what is kept of them."""
