"""The tests with their stores in a bucket of a real S3 server: `make test-s3`.

What belongs here: that a store which a test names on a disk lies in the bucket, in this process (`plugin`) and in
those that it starts (`sitecustomize`), and that none stays on the disk unseen. What does not: a test's own way of
looking into a store, which is `tests/store_files.py`, on both.
"""
