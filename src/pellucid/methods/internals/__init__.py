"""Looking inside a network: one file for each thing that can be looked at."""
