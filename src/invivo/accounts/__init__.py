"""Who is asking: people, their sign-in, API tokens, site-wide roles, and the `Actor` every verb gets.

Passwords are kept as argon2 digests; sessions and tokens as SHA-256 digests of 256-bit secrets, which are shown once.
"""

from invivo.accounts.account import (
    Person,
    WrongCredentials,
    actor_of_password,
    change_password,
    create_person,
    deactivate,
    list_people,
    person_named,
    set_site_roles,
    sign_in,
    sign_out,
)
from invivo.accounts.actor import (
    ANONYMOUS,
    Actor,
    actor_of_person,
    actor_of_session,
    actor_of_token,
    basic_credentials,
    csrf_of,
    rule,
    system,
)
from invivo.accounts.notice import administrators, notify
from invivo.accounts.token import SCOPES, Token, create_token, list_tokens, revoke_token

__all__ = [
    "ANONYMOUS",
    "SCOPES",
    "Actor",
    "Person",
    "Token",
    "WrongCredentials",
    "actor_of_password",
    "actor_of_person",
    "actor_of_session",
    "actor_of_token",
    "administrators",
    "basic_credentials",
    "change_password",
    "create_person",
    "create_token",
    "csrf_of",
    "deactivate",
    "list_people",
    "list_tokens",
    "notify",
    "person_named",
    "revoke_token",
    "rule",
    "set_site_roles",
    "sign_in",
    "sign_out",
    "system",
]
