"""DeepLIFT by operations: two passes, and the multiplier of each operation between them."""
