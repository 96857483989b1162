"""What people say of images: where one belongs, or that it belongs nowhere; read by training and publishing."""
