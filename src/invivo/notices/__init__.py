"""What the archive tells people: an inbox for everyone with an account, an outbox of mail, and subscriptions.

A message stands if and only if the change that it tells of does: it is posted in that transaction. Mail leaves later, by
a job, and again after a while if the mail server is away. No message holds what tells who a patient is.
"""

from invivo.notices.inbox import Message, inbox, mark_read, unread
from invivo.notices.outbox import MAIL_DAYS, Mail, UnknownMail, deliver, outbox, send_again, sweep
from invivo.notices.posting import post
from invivo.notices.subscription import is_subscribed, subscribe, subscribers, subscriptions_of, unsubscribe

__all__ = [
    "MAIL_DAYS",
    "Mail",
    "Message",
    "UnknownMail",
    "deliver",
    "inbox",
    "is_subscribed",
    "mark_read",
    "outbox",
    "post",
    "send_again",
    "subscribe",
    "subscribers",
    "subscriptions_of",
    "sweep",
    "unread",
    "unsubscribe",
]
