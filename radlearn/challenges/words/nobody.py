"""What stands in a column of persons and names nobody: words for that, what a spreadsheet made of a name, and rounded numbers.

Read as a name, it makes one person of many. Some words are certain in any table; others (`AAA`, `K.A.`, `12. Mrz`, `0`) are doubted only
where no other person is named in that form. None of 11,410 persons of the Kaggle pneumonia challenge and 189 of a sample of ChestX-ray14
is doubted.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

MARK = "looks like a word for nobody"
IN_LANGUAGES = {
    "en": "nan, none, null, nil, na, n/a, <na>, nat, unknown, unk, undefined, unspecified, missing, empty, blank, not available, "
    "not known, notavailable, not applicable, not recorded, not specified, not provided, not stated, no data, no id, no name, noname, "
    "nobody, anonymous, anonymized, anonymised, anon, unnamed, patient, person, subject, "
    "deidentified, de-identified, de identified, removed, redacted, id removed, name removed, no patient id, "
    "no patientid, without id, patient id, patientid, patient name, unassigned, not assigned, dummy, "
    "withheld, hidden, masked, john doe, jane doe, anonymous patient, unknown patient, tbd, tba, n/k",
    "de": "unbekannt, unbekannte, anonym, anonymisiert, keine angabe, keine angaben, ohne angabe, ohne name, nicht bekannt, "
    "nicht angegeben, nicht vorhanden, fehlt, niemand, namenlos, patientin, leer",
    "fr": "inconnu, inconnue, anonyme, anonymisé, non renseigné, non connu, non disponible, sans nom, aucun, personne, vide",
    "es": "desconocido, desconocida, anónimo, anónima, sin nombre, sin datos, sin dato, no disponible, no consta, ninguno, nadie, "
    "vacío, s/d",
    "it": "sconosciuto, sconosciuta, ignoto, non noto, non disponibile, senza nome, nessuno, paziente, n/d",
    "pt": "desconhecido, desconhecida, anônimo, anônima, sem nome, sem dados, não informado, não disponível, ninguém, nenhum, paciente",
    "nl": "onbekend, anoniem, geen naam, niet bekend, niet beschikbaar, niemand, nvt",
    "sv da no fi": "okänd, ukendt, ukjent, anonymiserad, saknas, mangler, ingen, tuntematon, nimetön",
    "pl cs hu ro": "nieznany, nieznana, anonimowy, anonim, brak, brak danych, neznámý, neznámá, nezadáno, ismeretlen, névtelen, necunoscut",
    "ru uk": "неизвестно, неизвестный, неизвестная, аноним, анонимно, нет, нет данных, не указано, пациент, н/д, невідомо, анонім",
    "tr el": "bilinmiyor, bilinmeyen, isimsiz, yok, άγνωστος, άγνωστη, ανώνυμος",
    "zh ja ko": "未知, 匿名, 不明, 不详, 不詳, 无, 無, 无名, 無名, なし, 未記入, 미상, 익명, 없음, 알수없음",
    "ar hi he vi id": "مجهول, غير معروف, अज्ञात, अनाम, אנונימי, לא ידוע, không rõ, vô danh, tidak diketahui",
}
SPREADSHEET = re.compile(r"#+|#[^\s\d].*[!?]|#n/?a|#n/d|#нд|#н/д|err:\d{3}", re.IGNORECASE)
"Errors in any language, and what stands where a column is too narrow: #REF!, #BEZUG!, #¿NOMBRE?, ####."
ZERO_DATE = re.compile(r"(?:1899-12-3[01]|1900-01-0[01]|1970-01-01|0*1-01-01|0000-00-00|(?:30|31)[./]12[./]1899|0?[01][./]0?1[./]1900)\b.*")
"The day 0 of a spreadsheet or of a computer's clock."
BRACKETS = "[](){}<>*'\" "
"Around a word that programs put where a name was taken out: [removed], <unknown>, *ANONYMOUS*."
NEGATIVE = re.compile(r"-\d+(?:\.0*)?", re.ASCII)
CAPITALS = re.compile(r"#[^\W\d_]+(?:/[^\W\d_]+)?")
"Of errors without a mark at their end, as #NV; but also of a name with # before it."
ABBREVIATED = re.compile(r"(?:[kno][./ ]+a|n[./ ]+[adknrv]|s[./ ]+[dn]|b[./ ]+d|n[./ ]+v[./ ]+t|o[./ ]+a)[./ ]*")
"k.A., n.v.t.: not known, in several languages; also initials."
ONE_LETTER = re.compile(r"([^\W\d_])\1{2,}")
DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ].*)?|\d{1,2}[./]\d{1,2}[./](?:\d\d){1,2}|\d{1,2}[-. /]+[^\W\d_]{3,5}\.?(?:[-. /]+(?:\d\d){1,2})?"
    r"|[^\W\d_]{3,5}\.?[-. /]+(?:\d\d){1,2}"
)
MONTHS = (
    " jan janv ene gen feb fevr fev mar mars marz mrz mrt maa apr avr abr may mai maj mei mag jun juin giu jul juil lug aug aout ago "
    "sep sept set okt oct ott out nov dez dec dic янв фев мар апр маи мая июн июл авг сен окт ноя дек "
)
"As spreadsheets shorten them, without accents; each between two blanks."
ZERO, FIRST_NUMBERS = re.compile(r"0+(?:\.0*)?", re.ASCII), ("1", "2")
ROUNDED = re.compile(r"[+-]?[1-9][.,](\d+)[eE]\+(\d{2,})", re.ASCII)
"Without a point nothing need be lost: R writes 100000 as 1e+05."


def nobody_notes(name: str, persons: Iterable[str], items: str) -> list[str]:
    """Return a note for each such word that several images have as their person.

    Args:
        name: of the table, for the message.
        persons: of each image.
        items: what the images are called.

    >>> nobody_notes("cases.csv", ["nan", "p1", "nan"], "images")[0].partition(":")[0]
    'cases.csv'
    """
    counts = Counter(persons)
    return [
        f"{name}: {counts[person]:,} {items} are of person {person!r}, which {MARK}; they count as one person and lie in one subset. "
        "Where it is not known whose they are, give each a person of its own."
        for person in nobodies(counts)
    ]


def nobodies(persons: Mapping[str, int]) -> list[str]:
    """Return the words for nobody among persons, each with the number of its images.

    >>> nobodies({"[REMOVED]": 2, "00000000": 3, "P7": 2, "P8": 1, "anon": 1})
    ['[REMOVED]', '00000000']
    """
    return [person for person, count in persons.items() if count > 1 and (names_nobody(person) or _differs_in_form(person, persons))]


def names_nobody(person: str) -> bool:
    """Whether a person's name is a word for nobody in any table.

    >>> [names_nobody(name) for name in ("#BEZUG!", "Keine Angabe", "XXXX", "—", "1899-12-30", "-1", "#7", "Anna", "xi")]
    [True, True, True, True, True, True, False, False, False]
    """
    text = _bare(person)
    if not text or not any(map(str.isalnum, text)) or (not text.strip("x") and len(text) > 2):
        return bool(person)
    patterns = (SPREADSHEET, ZERO_DATE, NEGATIVE)
    return text in WORDS or text.strip(BRACKETS) in WORDS or any(pattern.fullmatch(person.strip()) for pattern in patterns)


def _differs_in_form(person: str, persons: Collection[str]) -> bool:
    """Whether a name that may be one for nobody is the only one of its form."""
    text, is_zero = _bare(person), ZERO.fullmatch(person.strip())
    is_error = CAPITALS.fullmatch(person) and person.isupper()
    if not (is_zero or is_error or ABBREVIATED.fullmatch(text) or ONE_LETTER.fullmatch(text) or _is_date(text)):
        return False
    others = [other for other in persons if other != person and not names_nobody(other)]
    if is_zero:
        # Who counts from 0 goes on with 1.
        return bool(others) and not any(other.lstrip("0").removesuffix(".0") in FIRST_NUMBERS for other in others)
    return bool(others) and not any(_form(other) == _form(person) for other in others)


def _is_date(text: str) -> bool:
    letters = "".join(filter(str.isalpha, text.partition("t")[0] if text[:4].isdigit() else text))
    return DATE.fullmatch(text) is not None and (not letters or f" {letters} " in MONTHS)


def _form(name: str) -> str:
    """Return a name with a for each letter and 0 for its numbers."""
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]", "a", _bare(name)))


def _bare(name: str) -> str:
    """Return a name in small letters, without accents, and with one blank where blanks or underscores stand."""
    text = unicodedata.normalize("NFKD", name.casefold().replace("_", " "))
    return " ".join("".join(one for one in text if not unicodedata.combining(one)).split())


WORDS = {_bare(word): word for words in IN_LANGUAGES.values() for word in words.split(", ")}


def rounded_trouble(persons: Iterable[str]) -> str:
    """Return what is wrong with names that a spreadsheet made of long numbers, whose last digits are lost; "" where there are none.

    Args:
        persons: of each image.

    >>> rounded_trouble(["1.23457E+11", "P5", "1e+05", "12E4"]).partition(",")[0]
    "'1.23457E+11' is a rounded number"
    """
    rounded = [person for person in dict.fromkeys(persons) if (found := ROUNDED.fullmatch(person)) and int(found[2]) > len(found[1])]
    if not rounded:
        return ""
    more = f", and so are {len(rounded) - 1:,} more" if len(rounded) > 1 else ""
    lost = "as a spreadsheet writes long ones: its last digits are lost, and several people may share it"
    return f"{rounded[0]!r} is a rounded number, {lost}{more}. Export the table anew, with this column as text."
