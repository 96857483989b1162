"""Read by every Python that a test starts, since this folder is on its path: its stores lie in the bucket too."""

from meant import begin  # pyright: ignore[reportMissingImports]  # this folder is on the path of whoever reads it

begin()
