"""What a dataset looks like: statistics of its images and labels, plots, and a page that shows them."""
