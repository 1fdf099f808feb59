"""Our own REST: ``/api`` for what is released, ``/api/desk`` for submitters and curators, served by the desk's process.

The page at ``/api`` lists all operations; ``/api/openapi.json`` and ``/api/desk/openapi.json`` describe them for programs.
"""

from invivo.protocols.rest.routes import desk_routes, routes

__all__ = ["desk_routes", "routes"]
