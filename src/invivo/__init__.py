"""invivo: a public biomedical imaging archive that anyone can host."""

__version__ = "0.1.0"
