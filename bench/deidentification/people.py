"""Invented patients, their staff and their hospital, in many scripts; the same for the same chance."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

_ONSETS = "b br ch d dr f fl g gr h j k kl l m n p pr r s sch st t tr v w z".split()
_VOWELS = "a e i o u ai au ei ie oo".split()
_CODAS = "ck ld ll lm mb nd ng nk nt rb rg rk rn rt sk ss st tz x".split()
_ENDINGS = "berg dorf field man ovic sen ski son stein ton well wick".split()
_GIVEN = (
    "Annika Bertram Clarissa Dorothea Edmund Fiorella Gustavo Henrietta Ignatius Jocelyn Katarina Leopold Marguerite "
    "Nathaniel Octavia Philippa Quentin Rosalind Sebastian Theodora Ulrich Valentina Winifred Xavier Yolanda Zachary"
).split()
COMMON = (
    "White Long Parker Baker Hodgkin Brown Young Wells Price Rose Hill Hand Foot Black Stone Graves Down Little Short "
    "Field Cross Bell Bright Best May"
).split()
_SCRIPTS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "latin": (["ISO_IR 100"], "Müller Größmann Peñaranda Lefèvre Søndergård Åkerblom".split(), "Jörg Renée Iñigo Ümit Børge".split()),
    "utf8": (["ISO_IR 192"], "Černohlávek Szymański Çağlayan Nguyễn Őrfi".split(), "Žofie Łukasz Şükrü Thảo Győző".split()),
    "cyrillic": (["ISO_IR 144"], "Кузнецовский Воробьёв Лебединская Шевчуковский".split(), "Владислава Святослав Екатерина".split()),
    "greek": (["ISO_IR 126"], "Παπαδόπουλος Κωνσταντινίδης Δημητρακοπούλου".split(), "Αθανάσιος Ευαγγελία Θεόδωρος".split()),
    "arabic": (["ISO_IR 127"], "الحسيني القحطاني الزهراني".split(), "عبدالرحمن فاطمة مصطفى".split()),
    "hebrew": (["ISO_IR 138"], "רוזנפלד אברמוביץ גולדשטיין".split(), "אברהם שושנה יהונתן".split()),
}  # fmt: skip
_IDEOGRAPHIC: dict[str, tuple[list[str], list[tuple[str, str, str]], list[tuple[str, str, str]]]] = {
    "japanese": (
        ["", "ISO 2022 IR 87"],
        [("Yamashita", "山下", "やました"), ("Kobayakawa", "小早川", "こばやかわ"), ("Tachibana", "立花", "たちばな")],
        [("Kentarou", "健太郎", "けんたろう"), ("Sakurako", "桜子", "さくらこ"), ("Mitsuhiro", "光弘", "みつひろ")],
    ),
    "korean": (
        ["", "ISO 2022 IR 149"],
        [("Namkung", "南宮", "남궁"), ("Hwangbo", "皇甫", "황보"), ("Jegal", "諸葛", "제갈")],
        [("Gildong", "吉洞", "길동"), ("Minseok", "珉錫", "민석"), ("Yeonghui", "英姬", "영희")],
    ),
    "chinese": (
        ["GB18030"],
        [("Ouyang", "欧阳", ""), ("Dongfang", "东方", ""), ("Zhuge", "诸葛", "")],
        [("Xiaodong", "小东", ""), ("Meiling", "美玲", ""), ("Jianguo", "建国", "")],
    ),
    "gbk": (
        ["GBK"],
        [("Shangguan", "上官", ""), ("Xiahou", "夏侯", "")],
        [("Guoqiang", "国强", ""), ("Yuelan", "月兰", "")],
    ),
}  # fmt: skip
SCRIPTS = ("plain", "common", *_SCRIPTS, *_IDEOGRAPHIC)


@dataclass(frozen=True, slots=True)
class Person:
    """A patient, everybody around, and every number; ``name`` is a DICOM person name with all its groups."""

    script: str
    character_sets: tuple[str, ...]
    name: str
    family: str
    given: str
    sex: str
    patient_id: str
    other_id: str
    accession: str
    study_id: str
    birth: date
    study: date
    address: str
    phone: str
    email: str
    physician: str
    operator: str
    institution: str
    department: str
    station: str
    serial: str
    mother: str

    @property
    def is_common(self) -> bool:
        """Whether the family name is a word of the language too."""
        return self.script == "common"


def surname(chance: Random) -> str:
    """Give a name that nobody may have."""
    middle = chance.choice(_CODAS) if chance.random() < 0.6 else "l"
    return (chance.choice(_ONSETS) + chance.choice(_VOWELS) + middle + chance.choice(_ENDINGS)).capitalize()


def digits(chance: Random, count: int) -> str:
    """Give a number as text, without a leading zero."""
    return str(chance.randrange(10 ** (count - 1), 10**count))


def person(chance: Random, script: str) -> Person:
    """Invent a patient of a script."""
    character_sets, name, family, given = _named(chance, script)
    study = date(2018, 1, 1) + timedelta(days=chance.randrange(1800))
    old = chance.random() < 0.15
    birth = study - timedelta(days=round(365.25 * (chance.uniform(90, 97) if old else chance.uniform(20, 85))))
    town = surname(chance) + chance.choice(("ville", "burg", "haven"))
    return Person(
        script=script,
        character_sets=tuple(character_sets),
        name=name,
        family=family,
        given=given,
        sex=chance.choice("MF"),
        patient_id=_patient_id(chance),
        other_id=f"{chance.choice('ABCXZ')}{digits(chance, 7)}",
        accession=f"{chance.choice(('ACC', 'RAD', 'E'))}{digits(chance, 8)}",
        study_id=digits(chance, 7),
        birth=birth,
        study=study,
        address=f"{chance.randrange(11, 989)} {surname(chance)} {chance.choice(('Street', 'Avenue', 'Lane'))}, {town}",
        phone=f"555-{digits(chance, 3)}-{digits(chance, 4)}",
        email=f"{surname(chance).lower()}.{digits(chance, 3)}@{town.lower()}.example",
        physician=f"{surname(chance)}^{chance.choice(_GIVEN)}^^Dr.",
        operator=f"{surname(chance)}^{chance.choice(_GIVEN)}",
        institution=f"{surname(chance)} {chance.choice(('Memorial Hospital', 'Clinic', 'Medical Center'))}",
        department=f"Radiology {surname(chance)} Wing",
        station=f"{chance.choice(('CTAWP', 'MRC', 'WS'))}{digits(chance, 6)}",
        serial=f"SN{digits(chance, 8)}",
        mother=surname(chance),
    )


def _patient_id(chance: Random) -> str:
    return chance.choice(
        (
            f"{digits(chance, 8)}",
            f"MRN-{digits(chance, 5)}-{digits(chance, 2)}",
            f"{chance.choice('HKPQ')}{digits(chance, 6)}/{digits(chance, 2)}",
            f"{digits(chance, 3)}.{digits(chance, 3)}.{digits(chance, 3)}",
            f"PAT_{digits(chance, 6)}",
        )
    )


def _named(chance: Random, script: str) -> tuple[list[str], str, str, str]:
    if script in _SCRIPTS:
        sets, families, givens = _SCRIPTS[script]
        family, given = chance.choice(families), chance.choice(givens)
        return sets, f"{family}^{given}", family, given
    if script in _IDEOGRAPHIC:
        sets, pairs, firsts = _IDEOGRAPHIC[script]
        family, given = chance.choice(pairs), chance.choice(firsts)
        groups = [f"{family[group]}^{given[group]}" for group in range(3) if family[group]]
        return sets, "=".join(groups), family[0], given[0]
    family, given = chance.choice(COMMON) if script == "common" else surname(chance), chance.choice(_GIVEN)
    form = chance.choice(("{0}^{1}", "{0}^{1}^{2}", "{0}^{1}^^^Jr.", "{0}, {1}", "{0}^{1} {2}"))
    name = form.format(family, given, chance.choice("ABCDEF"))
    return [], name.upper() if chance.random() < 0.4 else name, family, given


def name_groups(name: str) -> list[list[str]]:
    """The words of each group of a person name."""
    return [[word for word in group.replace("^", " ").replace(",", " ").split() if word] for group in name.split("=")]


def identifiers(one: Person) -> list[str]:
    """Every text that identifies a patient, staff or hospital, as it may stand anywhere; no device."""
    found: set[str] = set()
    for name in (one.name, one.physician, one.operator):
        for words in name_groups(name):
            family, given = words[0], words[1] if len(words) > 1 else ""
            found |= {f"{family}^{given}", f"{given} {family}", f"{family}, {given}", f"{family}{given}"}
            found |= {f"{family} {given}", f"{family}_{given}"} if given else set()
            found |= {word for word in words[:2] if _alone(word)}
    found |= {one.mother, one.patient_id, one.other_id, one.accession, one.study_id, one.address, one.phone, one.email}
    found |= {one.institution, one.institution.split()[0], one.department, one.department.split()[1]}
    found |= {form for known in (one.patient_id, one.phone) for form in _without_separators(known)}
    return sorted(form for form in found if form)


def _alone(word: str) -> bool:
    """Whether a part of a name identifies by itself, and is long enough not to be met by accident."""
    return word.capitalize() not in COMMON and (len(word) >= 4 or (not word.isascii() and len(word) >= 3))


def _without_separators(text: str) -> set[str]:
    bare = "".join(character for character in text if character.isalnum())
    return {bare} if len(bare) >= 6 else set()
