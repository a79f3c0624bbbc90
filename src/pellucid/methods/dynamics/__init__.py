"""How a network came to be what it is, and what surrounds it: the landscape of its loss."""
