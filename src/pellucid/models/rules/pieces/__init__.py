"""The pieces of a piecewise-linear network along straight lines: which operations bend, and where."""
