"""What Dagster is told: partitions, what runs when, and how a day is run from the command line."""
