"""The peer: Django REST framework, plain, as its own guide teaches it.

It signs in and checks rights as the product does, and writes the history of a mark; it has no
row-level security. Every query names the organization, so that the product's indexes serve it too.
"""
