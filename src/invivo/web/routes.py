"""The pages of the two web processes."""

from urllib.parse import quote

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from invivo.web.access import desk_routes as access_routes
from invivo.web.access import routes as uses_routes
from invivo.web.accounts import routes as accounts_routes
from invivo.web.admin import routes as admin_routes
from invivo.web.admission import routes as admission_routes
from invivo.web.assessment import desk_routes as statements_routes
from invivo.web.assessment import routes as assessment_routes
from invivo.web.builder import routes as builder_routes
from invivo.web.cart_keeping import routes as cart_keeping_routes
from invivo.web.carts import routes as carts_routes
from invivo.web.collections import routes as collections_routes
from invivo.web.committee import routes as committee_routes
from invivo.web.credits import routes as credits_routes
from invivo.web.deletions import routes as deletions_routes
from invivo.web.deliveries import routes as deliveries_routes
from invivo.web.deposit import routes as deposit_routes
from invivo.web.derived import routes as derived_routes
from invivo.web.downloads import routes as downloads_routes
from invivo.web.factors import routes as factors_routes
from invivo.web.feeds import routes as feeds_routes
from invivo.web.figures import routes as figures_routes
from invivo.web.groups import routes as groups_routes
from invivo.web.guids import routes as guids_routes
from invivo.web.health import routes as health_routes
from invivo.web.help import routes as help_routes
from invivo.web.helpdesk import desk_routes as tickets_routes
from invivo.web.helpdesk import routes as helpdesk_routes
from invivo.web.home import routes as home_routes
from invivo.web.hooks import routes as hooks_routes
from invivo.web.images import routes as images_routes
from invivo.web.inbox import desk_routes as outbox_routes
from invivo.web.inbox import routes as inbox_routes
from invivo.web.index_files import routes as index_routes
from invivo.web.landing import routes as landing_routes
from invivo.web.masks import routes as masks_routes
from invivo.web.moving import routes as moving_routes
from invivo.web.oidc import routes as oidc_routes
from invivo.web.proposals import routes as proposals_routes
from invivo.web.quality import routes as quality_routes
from invivo.web.registration import routes as registration_routes
from invivo.web.releases import routes as releases_routes
from invivo.web.render import static_mount
from invivo.web.reviewer_links import desk_routes as links_routes
from invivo.web.reviewer_links import routes as reviewer_routes
from invivo.web.reviews import routes as reviews_routes
from invivo.web.schedules import public_routes as editor_routes
from invivo.web.schedules import routes as schedules_routes
from invivo.web.search import routes as search_routes
from invivo.web.search_files import routes as found_routes
from invivo.web.search_suggesting import routes as suggest_routes
from invivo.web.searches import routes as searches_routes
from invivo.web.sessions import routes as sessions_routes
from invivo.web.subjects import routes as subjects_routes
from invivo.web.submissions import routes as submissions_routes
from invivo.web.summaries import routes as summaries_routes
from invivo.web.survey import routes as survey_routes
from invivo.web.values import routes as values_routes
from invivo.web.why import routes as why_routes

# Addresses that only the desk process serves: it may read what is held, the public process may not.
DESK_PREFIXES = (
    "/submissions",
    "/reviews",
    "/releases",
    "/admin",
    "/access",
    "/api/desk",
    "/guids",
    "/api/guids",
    "/proposals",
    "/desk",
)


def public_routes() -> list[BaseRoute]:
    """Return the pages that the public process serves."""
    return [
        static_mount(),
        *(
            *home_routes,
            *(*figures_routes, *feeds_routes),
            *assessment_routes,
            *landing_routes,
            *collections_routes,
            *subjects_routes,
            *images_routes,
            *(*builder_routes, *search_routes, *found_routes, *suggest_routes, *searches_routes),
            *cart_keeping_routes,
            *carts_routes,
        ),
        *(*deposit_routes, *helpdesk_routes, *index_routes),
        *(*downloads_routes, *help_routes, *survey_routes, *accounts_routes, *health_routes),
        *(*uses_routes, *reviewer_routes, *editor_routes),
        *(*factors_routes, *inbox_routes, *oidc_routes, *registration_routes, *sessions_routes),
    ]


def desk_routes() -> list[BaseRoute]:
    """Return the pages that the desk process serves."""
    pages = [
        *submissions_routes,
        *deliveries_routes,
        *committee_routes,
        *proposals_routes,
        *tickets_routes,
        *summaries_routes,
        *reviews_routes,
        *masks_routes,
        *(*values_routes, *moving_routes),
        *releases_routes,
        *(*schedules_routes, *derived_routes, *hooks_routes, *deletions_routes, *quality_routes),
        *credits_routes,
        *admin_routes,
        *(*access_routes, *groups_routes, *links_routes, *why_routes),
        *admission_routes,
        *outbox_routes,
        *statements_routes,
        *guids_routes,
    ]
    return [static_mount(), Mount("", routes=pages, middleware=[Middleware(SignInFirst)])]


class SignInFirst:
    """Sends a visitor who is not signed in to do so, and back afterwards; programs get the refusal that a page gives."""

    def __init__(self, pages: ASGIApp) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        wants_page = "text/html" in request.headers.get("accept", "")
        if request.method == "GET" and wants_page and not request.state.actor.has_account:
            address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            await RedirectResponse(f"/sign-in?next={quote(address)}", status_code=303)(scope, receive, send)
        else:
            await self._pages(scope, receive, send)
