"""tus 1.0.0 below ``/uploads``: files that arrive in pieces and go on after a break; see the README for what is answered."""

from invivo.protocols.tus.routes import routes

__all__ = ["routes"]
