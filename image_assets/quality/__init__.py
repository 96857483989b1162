"""The second look at every image: how good its picture is, and whether a day differs from those before."""
