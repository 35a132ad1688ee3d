"""Keeps the terminal for what the user asked for."""

import logging
import os


def quieten_storage() -> None:
    """To be called before optuna is imported: its database layers tell of their own setup, and of their age."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
