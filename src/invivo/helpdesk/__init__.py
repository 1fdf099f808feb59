"""Questions to the people who run the archive, and their answers.

A ticket is *open* (staff answers next), *waiting* (whoever asked does), *answered* or *closed*. Who has no account follows it by
a link that was mailed; its secret is kept as a digest only.
"""

from invivo.helpdesk.discussion import discussion_of, set_discussion
from invivo.helpdesk.ticket import (
    STATES,
    Asked,
    Message,
    Ticket,
    UnknownTicket,
    answer,
    ask,
    change_ticket,
    counts,
    find_ticket,
    is_staff,
    own_tickets,
    queue,
    reply,
    response_hours,
    ticket_of_secret,
)

__all__ = [
    "STATES",
    "Asked",
    "Message",
    "Ticket",
    "UnknownTicket",
    "answer",
    "ask",
    "change_ticket",
    "counts",
    "discussion_of",
    "find_ticket",
    "is_staff",
    "own_tickets",
    "queue",
    "reply",
    "response_hours",
    "set_discussion",
    "ticket_of_secret",
]
