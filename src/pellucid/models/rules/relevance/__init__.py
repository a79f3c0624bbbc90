"""Layer-wise relevance propagation by operations: how each kind of operation divides relevance, and what it keeps."""
