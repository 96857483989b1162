"""Images and chips to labels of ImageNet, by a classifier that others have trained."""
