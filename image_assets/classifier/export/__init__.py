"""Models taken elsewhere: ONNX files, and the images on which both forms are compared."""
