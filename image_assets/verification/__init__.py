"""Reading a whole store of a dataset, to see whether every file in it is as it was written."""
