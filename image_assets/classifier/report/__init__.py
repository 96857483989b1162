"""What is found out about a trained model beside its figures, and how a person gets to read it."""
