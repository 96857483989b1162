"""What the numbers of categories mean in a store, and how categories change without two meanings of one number."""
