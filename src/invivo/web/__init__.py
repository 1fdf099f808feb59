"""The pages: server-rendered, one file a room, on the design system of templates and static files.

Two processes serve them: the public one, whose database role can read nothing that is held, and the desk.
"""

from invivo.web.errors import HANDLERS
from invivo.web.form import MESSAGE_COOKIE, messages_of
from invivo.web.render import CONTENT_SECURITY_POLICY
from invivo.web.reviewer_links import REVIEWER_COOKIE
from invivo.web.routes import DESK_PREFIXES, desk_routes, public_routes

__all__ = [
    "CONTENT_SECURITY_POLICY",
    "DESK_PREFIXES",
    "HANDLERS",
    "MESSAGE_COOKIE",
    "REVIEWER_COOKIE",
    "desk_routes",
    "messages_of",
    "public_routes",
]
