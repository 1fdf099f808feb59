"""What an archive has besides images: terms, questions and answers, statements about itself, downloads that were counted."""

import httpx

from invivo import accounts, assessment, helpdesk, notices
from invivo.demo.plan import CLINICAL, OPEN, SMOOTHED, TRIAL
from invivo.demo.stage import Stage

TERMS_VERSION = "1"
_TERMS = (
    "# Terms of use\n\n1. Nobody tries to find out who a subject is.\n2. Whoever publishes names the collection and its release.\n"
    "3. What identifies a person is reported at once and not passed on.\n"
)
_STATEMENTS = {
    (
        "coretrustseal",
        "R01",
    ): "We collect small series for demonstrations, openly, and keep them as long as this machine runs.",
    ("coretrustseal", "R05"): "One machine and nobody's salary; a real archive writes here who pays, and for how long.",
}
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def accept_terms(stage: Stage) -> None:
    """Put terms into force and let everybody accept them."""
    accounts.publish_terms(stage.archive, stage.who("admin"), TERMS_VERSION, _TERMS)
    for name in stage.secrets:
        accounts.accept_terms(stage.archive, stage.who(name), TERMS_VERSION)


def ask_and_answer(stage: Stage) -> None:
    """Ask two questions; answer one of them."""
    archive, staff = stage.archive, stage.who("curator")
    asked = helpdesk.Asked(
        "Which slices are new in release 2?",
        "The FLAIR of one subject had five slices in release 1 and has seven now. Were the first five changed?",
        collection=TRIAL,
    )
    ticket, _ = helpdesk.ask(archive, stage.who("researcher"), asked)
    text = "No, they are the same to the bit. Two slices were added at the top; the difference of the releases lists the series."
    helpdesk.answer(archive, staff, ticket.id, text, "answered", seen=1)
    asked = helpdesk.Asked(
        "May I use a picture in a lecture?", "One slice of the brain MR, with its name below it.", collection=OPEN
    )
    helpdesk.ask(archive, stage.who("visitor"), asked)


def say_of_itself(stage: Stage) -> None:
    """Write some statements of the self-assessment, and follow a collection."""
    for (framework, requirement), text in _STATEMENTS.items():
        assessment.write_statement(stage.archive, stage.who("admin"), framework, requirement, text)


def follow(stage: Stage, collection_id: int) -> None:
    """Let the researcher and the visitor be told of new releases."""
    with stage.archive.database.transaction() as tx:
        for name in ("researcher", "visitor"):
            notices.subscribe(tx, stage.person(name), f"collection:{collection_id}")


def download_some(stage: Stage) -> None:
    """Look and download as people do, so that there is something to count."""
    url = stage.archive.settings.public_url
    with httpx.Client(base_url=url, headers={"User-Agent": _BROWSER}, timeout=60) as http:
        for collection, most in ((TRIAL, 5), (SMOOTHED, 1), (OPEN, 3)):
            http.get(f"/collections/{collection}")
            for uid in stage.series(collection)[:most]:
                http.get(f"/series/{uid}/package.zip")
        token = {"Authorization": f"Bearer {stage.secrets['researcher']['token']}"}
        for uid in stage.series(CLINICAL):
            http.get(f"/series/{uid}/package.zip", headers=token)
