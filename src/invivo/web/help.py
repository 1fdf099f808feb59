"""Help for visitors, researchers, submitters and curators."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import search
from invivo.web.form import only
from invivo.web.render import page


def help_page(request: Request) -> Response:
    """Show how to do what people come for."""
    only(request)
    settings = request.state.archive.settings
    host = settings.public_url.partition("//")[2].partition("/")[0].partition(":")[0]
    return page(
        request,
        "help/help.html",
        site=settings.site,
        url=settings.public_url,
        field_rows=[[field.name, field.title, field.keyword, field.unit] for field in search.FIELDS],
        dicom_host=host,
        dicom_port=settings.dimse_address[1] if settings.dimse.bind else 0,
        aet=settings.dimse.aet,
    )


routes: list[Route] = [Route("/help", help_page)]
