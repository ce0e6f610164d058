"""Training: networks, the padded lists they see, and the loop."""
