"""The pages of the two web processes."""

from starlette.routing import BaseRoute

from invivo.web.accounts import routes as accounts_routes
from invivo.web.admin import routes as admin_routes
from invivo.web.carts import routes as carts_routes
from invivo.web.collections import routes as collections_routes
from invivo.web.downloads import routes as downloads_routes
from invivo.web.health import routes as health_routes
from invivo.web.help import routes as help_routes
from invivo.web.home import routes as home_routes
from invivo.web.images import routes as images_routes
from invivo.web.releases import routes as releases_routes
from invivo.web.render import static_mount
from invivo.web.reviews import routes as reviews_routes
from invivo.web.search import routes as search_routes
from invivo.web.subjects import routes as subjects_routes
from invivo.web.submissions import routes as submissions_routes
from invivo.web.survey import routes as survey_routes

# Addresses that only the desk process serves: it may read what is held, the public process may not.
DESK_PREFIXES = ("/submissions", "/reviews", "/releases", "/admin", "/api/desk")


def public_routes() -> list[BaseRoute]:
    """Return the pages that the public process serves."""
    return [
        static_mount(),
        *(*home_routes, *collections_routes, *subjects_routes, *images_routes, *search_routes, *carts_routes),
        *(*downloads_routes, *help_routes, *survey_routes, *accounts_routes, *health_routes),
    ]


def desk_routes() -> list[BaseRoute]:
    """Return the pages that the desk process serves."""
    return [static_mount(), *submissions_routes, *reviews_routes, *releases_routes, *admin_routes]
