"""The unit of sharing: a collection's page, its policy, its people, and the one place that decides who may see what."""

from invivo.collections.collection import (
    ACCESS_CLASSES,
    PROFILES,
    REVIEW_RULES,
    Collection,
    Draft,
    NameTaken,
    collection_by_id,
    collection_named,
    create,
    edit,
    listed,
    policy_of,
)
from invivo.collections.licence import Licence, licence_named, licences
from invivo.collections.member import ROLES, Member, add_member, members_of, remove_member
from invivo.collections.policy import access_in_words, review_in_words
from invivo.collections.visible import collections_visible_to, downloadable_by, effective_access, visible_to

__all__ = [
    "ACCESS_CLASSES",
    "PROFILES",
    "REVIEW_RULES",
    "ROLES",
    "Collection",
    "Draft",
    "Licence",
    "Member",
    "NameTaken",
    "access_in_words",
    "add_member",
    "collection_by_id",
    "collection_named",
    "collections_visible_to",
    "create",
    "downloadable_by",
    "edit",
    "effective_access",
    "licence_named",
    "licences",
    "listed",
    "members_of",
    "policy_of",
    "remove_member",
    "review_in_words",
    "visible_to",
]
