"""Networks taken elsewhere: ONNX and Keras files, and the pictures on which both forms are compared."""
