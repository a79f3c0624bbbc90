"""Networks of other frameworks as lists of torch operations: readers, one for each framework, and what is made of what they read."""
