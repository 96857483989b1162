"""Noisy pictures → clean ones: the noise, the network that takes it away, and how well that is done."""
