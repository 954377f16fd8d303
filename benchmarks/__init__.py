"""How fast the product is, beside a floor, the usual way and a peer: ``python -m benchmarks``."""
