"""Real networks on real data, small enough for a laptop: what `pellucid demo` and the examples explain."""
