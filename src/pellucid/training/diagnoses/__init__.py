"""What is wrong with a training, found in what was recorded of it."""
