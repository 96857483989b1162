"""From features to a trained candidate: which images, which split, which family, how good."""
