"""People that nobody is, and the codes that every implementation must make of them: the same as in docs/guids.md."""

SALT = bytes(range(32)).hex()

ANNA = {
    "given_name": "Anna-Zoë",
    "middle_name": "-",
    "family_name": "Müller-Łuczak",
    "sex": "F",
    "birth_day": "03",
    "birth_month": "9",
    "birth_year": "1971",
    "birth_city": "Saint-Étienne",
    "birth_country": "fr",
    "government_id": "00-12 ab/7",
    "government_id_country": "FR",
    "mother_given_name": "Ελευθερία",
    "mother_family_name": "Παπαδοπούλου",
    "mother_birth_day": "1",
    "mother_birth_month": "12",
}
# The same person as a spreadsheet, another keyboard and another clerk have her.
ANNA_AGAIN = ANNA | {
    "given_name": " ANNA ZOE ",
    "middle_name": "–",
    "family_name": "Mueller Luczak",
    "sex": "female",
    "birth_day": "3",
    "birth_month": "09",
    "birth_city": "Saint Etienne",
    "birth_country": "FR",
    "government_id": "12AB7",
    "mother_given_name": "Eleftheria",
    "mother_family_name": "PAPADOPOULOU",
}
PYOTR = {
    "given_name": "Пётр",
    "middle_name": "Ильич",
    "family_name": "Щербаков",
    "sex": "m",
    "birth_day": "29",
    "birth_month": "2",
    "birth_year": "1988",
    "birth_city": "Нижний Новгород",
    "birth_country": "RU",
}
