"""Who wants to hear of what: topics such as ``collection:12``."""

from invivo import database


def subscribe(tx: database.Tx, person_id: int, topic: str) -> None:
    """Have a person told of a topic; twice is once."""
    tx.execute(
        "insert into notices.subscription (person_id, topic) values (%s, %s) on conflict do nothing", [person_id, topic]
    )


def unsubscribe(tx: database.Tx, person_id: int, topic: str) -> None:
    """Have a person told of a topic no more."""
    tx.execute("delete from notices.subscription where person_id = %s and topic = %s", [person_id, topic])


def is_subscribed(tx: database.Tx, person_id: int, topic: str) -> bool:
    """Return whether a person is told of a topic."""
    found = tx.execute("select from notices.subscription where person_id = %s and topic = %s", [person_id, topic])
    return found.fetchone() is not None


def subscriptions_of(tx: database.Tx, person_id: int) -> list[str]:
    """Return the topics that a person is told of."""
    found = tx.execute("select topic from notices.subscription where person_id = %s order by topic", [person_id])
    return [row.topic for row in found]


def subscribers(tx: database.Tx, topic: str) -> list[int]:
    """Return the persons who are told of a topic."""
    found = tx.execute("select person_id from notices.subscription where topic = %s order by person_id", [topic])
    return [row.person_id for row in found]
