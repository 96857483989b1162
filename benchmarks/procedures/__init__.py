"""What practitioners did by hand with these data sets, done by the platform: the procedures and their figures."""
