"""What is measured while a network is trained, when, and at what cost."""
