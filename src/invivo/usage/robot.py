"""Which programs are robots, and which are tools of people.

References
----------
COUNTER Code of Practice for Research Data, release 1, sections 7.3 and 7.8: robots are left out, tools that a person sets to
work are counted as machines.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

_ROBOTS = (
    "bot crawler crawling spider slurp archiver facebookexternalhit mediapartners preview scrapy heritrix nutch lighthouse"
    " pingdom uptime monitor check_http nagios zabbix headlesschrome-render feedfetcher validator linkcheck gptbot ia_archiver"
    " yandex baidu bingpreview semrush ahrefs dotbot petal bytespider prometheus kube-probe elb-healthchecker googleother"
)
_PEOPLE = re.compile(r"mozilla/|opera/", re.IGNORECASE)


@lru_cache(maxsize=4096)
def kind_of(agent: str, more: Sequence[str] = ()) -> str:
    """Return what asks, by the name of its program: ``robot``, ``machine`` or ``person``; nameless ones are machines."""
    lowered = agent.lower()
    if any(word in lowered for word in _ROBOTS.split()) or any(word.lower() in lowered for word in more if word):
        return "robot"
    return "person" if _PEOPLE.search(agent) else "machine"
