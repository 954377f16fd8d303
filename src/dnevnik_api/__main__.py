"""The ``dnevnik`` command; it starts fast."""

import gc

CREATED_BETWEEN_COLLECTIONS = 50_000
"""Objects; Python's own 700 spend a fifth of the start on looking through what stays anyway."""


def main() -> None:
    """Do what the command line says."""
    gc.set_threshold(CREATED_BETWEEN_COLLECTIONS)
    from .cli import app  # noqa: PLC0415  (what it imports is most of what is created)

    app(prog_name="dnevnik")


if __name__ == "__main__":
    main()
