"""Text as it stands on screens of many devices: what was measured or set, and what tells who it is.

The lists are beside this file, one piece a line, kinds behind ``==``. Those that were written when the rules were done
say so. In ``of_a_person.txt`` the places in braces are filled with a person of ``PEOPLE``.
"""

import random
from pathlib import Path

MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
# Family, given, patient's number, accession number, birth (YYYYMMDD), place, physician.
PEOPLE = (
    ("Kowalczyk", "Magdalena", "4471902", "A7719034", "19610315", "St Brendan Hospital", "Hrdlicka"),
    ("Li", "Na", "88120045", "RAD99817", "19890704", "Beijing Friendship Hospital", "Wang"),
    ("Ng", "Wei Ming", "S1234567D", "ACC2210034", "19740112", "Tan Tock Seng Hospital", "Tan"),
    ("Lee", "Amy", "MRN-10345-22", "20210304001", "19500228", "Klinikum Nordstadt", "Kim"),
    ("White", "Rose", "555123", "E20194411", "19331105", "Riverside Medical Center", "Young"),
    ("O'Brien", "Sean", "H204418/01", "X5512390", "20040530", "Mater Misericordiae", "Murphy"),
    ("Müller", "Jörg", "10023987", "RAD100293", "19700909", "Universitätsklinikum Ulm", "Schäfer"),
    ("García López", "María José", "HC-334512", "778120034", "19821221", "Hospital San Rafael", "Fernández"),
    ("Nguyễn", "Thị Hoa", "BN2201934", "U2201934", "19980401", "Bệnh viện Chợ Rẫy", "Trần"),
    ("Papadopoulos", "Eleni", "123.456.789", "ACC5519", "19470630", "Evangelismos", "Georgiou"),
    ("Long", "May", "P00123", "A1042", "20150817", "Mercy Clinic", "Black"),
    ("van der Berg", "Johannes", "NL0099812", "ON-2210", "19290214", "Ziekenhuis Oost", "de Vries"),
    ("Yamashita", "Kentarou", "0001234567", "00981123", "19550520", "Osaka Red Cross", "Tanaka"),
    ("Okonkwo", "Chidi", "LUTH/22/1934", "9912-55", "19901010", "Lagos University Teaching Hospital", "Adeyemi"),
)
# What a reader makes of letters, most of all of small ones.
SLIPS = {
    "O": "0", "0": "O", "1": "lI", "l": "1I", "I": "l1", "S": "5", "5": "S", "B": "8", "8": "B", "m": ["rn"], "Z": "2",
    "Q": "O", "g": "9", "G": "6", ",": ".", ":": ".", " ": [""], "y": "v", "u": "v",
}  # fmt: skip


def pieces(name: str) -> list[str]:
    """Lines of one of the lists."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line and not line.startswith("== ")]


def of_person(template: str, person: tuple[str, ...]) -> str:
    """A line of ``of_a_person.txt`` for one of ``PEOPLE``."""
    family, given, number, accession, birth, place, doctor = person
    return template.format(
        family=family, given=given, FAMILY=family.upper(), GIVEN=given.upper(), G=given[0], number=number,
        accession=accession, year=birth[:4], month=birth[4:6], day=birth[6:], MON=MONTHS[int(birth[4:6]) - 1],
        place=place, PLACE=place.upper(), doctor=doctor, DOCTOR=doctor.upper(),
    )  # fmt: skip


def header_of(person: tuple[str, ...]) -> list[str]:
    """What the header says of one of ``PEOPLE``."""
    family, given, number, accession, birth, place, doctor = person
    return [f"{family}^{given}", number, accession, birth, place, f"{doctor}^"]


def with_a_slip(text: str, rng: random.Random) -> str:
    """The text with one letter misread, or a blank lost."""
    places = [place for place, letter in enumerate(text) if letter in SLIPS]
    if len(text) < 4 or not places:
        return text
    place = rng.choice(places)
    return text[:place] + rng.choice(SLIPS[text[place]]) + text[place + 1 :]
