"""How fast the product is, beside a floor and the usual way: ``python -m benchmarks``."""
