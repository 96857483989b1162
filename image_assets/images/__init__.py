"""What knows pixels: the door, formats and their readers, thumbnails, metrics, colour spaces."""
