"""Networks that are trained from the pixels of the loaded images; what needs Keras is imported only for them."""
