"""What must survive, at full size: `make torture` plays it and writes the scorecard. Each row is declared in `rows`."""
