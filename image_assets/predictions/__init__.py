"""Features to what the champion takes each image for."""
