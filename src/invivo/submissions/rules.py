"""By which rules and maps the objects of a collection are de-identified."""

from invivo import collections, deidentification
from invivo.archive import Archive


def profile_for(policy: collections.Collection | collections.Draft) -> deidentification.Profile:
    """Return the de-identification profile of a collection with its own options; raises Invalid if they contradict one another."""
    profile = deidentification.profile_named(policy.profile)
    if not policy.profile_options:
        return profile
    return profile.with_options(frozenset(policy.profile_options))


def mapping_for(archive: Archive, policy: collections.Collection) -> deidentification.Mapping:
    """Return the keyed maps of a collection: the same object sent a year later maps the same."""
    return deidentification.Mapping(
        secret=archive.secret(f"collection:{policy.id}"),
        subject_prefix=f"{policy.short_name[:30]}-",
        project=str(policy.id),
    )
