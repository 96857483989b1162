"""image_features → the images that are most like a picture, exactly."""
