"""An image file's bytes to what the current model takes it for: the answer that whoever asks is given."""
