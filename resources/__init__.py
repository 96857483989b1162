"""What the platform asks of the outside world: configuration, handing out domain objects."""
