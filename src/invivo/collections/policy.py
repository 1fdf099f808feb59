"""Policy, written out for people."""

from invivo.collections.collection import Collection

_ACCESS = {
    "open": "Open: anyone may see and download, without an account.",
    "registered": "Registered: anyone may see what is here; downloading needs an account.",
    "controlled": "Controlled: downloading needs the owner's approval.",
    "embargoed": "Embargoed: nothing of its data is shown before the date below.",
    "private": "Private: only people named by the owner.",
}
_REVIEW = {
    "person": "A curator looks at every series before it is released.",
    "two-persons": "Two curators must approve every series before it is released.",
    "on-receipt": "Released on receipt: the automatic steps decide; only what they doubt waits for a person.",
    "direct": "Kept as it comes, with everything that identifies people, and released at once: an archive of a house's own.",
}


def access_in_words(collection: Collection) -> str:
    """Return one sentence that says who may have the data."""
    return _ACCESS[collection.access]


def review_in_words(collection: Collection) -> str:
    """Return one sentence that says who decides about a release."""
    return _REVIEW[collection.review_rule]
