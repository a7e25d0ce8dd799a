"""What the columns of a subscriber file mean: the address, the names, and attributes under names a template can say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from mailer.audience.layout import EMAIL, TAGS
from mailer.audience.ownfile import TAKEN


def folded(header: str) -> str:
    """A column title for comparison: no case, accents, spaces or signs."""
    letters = unicodedata.normalize("NFKD", header.casefold().replace("ı", "i").replace("ø", "o"))
    return "".join(letter for letter in letters if letter.isalnum())


def _titles(words: str) -> frozenset[str]:
    return frozenset(map(folded, words.split()))


# Compared without case, accents, spaces and signs: "E-Mail-Adresse" is "emailadresse".
_EMAIL = _titles(
    """email emailaddress emailadress mail mailaddress emailid useremail subscriberemail contactemail primaryemail
    email1 email1value emailaddress1 emailadresse mailadresse courriel adressecourriel adresseemail adressemail mel
    adressemel correo correoelectronico direcciondecorreo emaildireccion indirizzoemail indirizzoemail1 postaelettronica
    epost epostadress epostadresse eposta epostaadresi sahkoposti sahkopostiosoite emailadres enderecodeemail adresemail
    adreselektroniczny adrespocztyelektronicznej elektronikusposta emailcim почта электроннаяпочта адресэлектроннойпочты
    емейл имейл електроннапошта メール メールアドレス 邮箱 电子邮件 电子邮箱 電子郵件 電子信箱 이메일 이메일주소
    البريدالالكتروني البريد אימייל דואל דוארלאלקטרוני ηλεκτρονικοταχυδρομειο"""
)
_FIRST = _titles(
    """firstname fname given givenname forename first prenom vorname fornavn fornamn voornaam etunimi nomedibattesimo
    primeironome primernombre imie jmeno keresztnev имя имяотчество 名 الاسمالاول שםפרטי"""
)
_LAST = _titles(
    """lastname lname surname familyname last nomdefamille nachname familienname efternavn etternavn efternamn
    achternaam sukunimi cognome apellido apellidos sobrenome nazwisko prijmeni vezeteknev фамилия 姓
    اسمالعائلة שםמשפחה"""
)
_NAME = _titles(
    """name fullname fullnames displayname contactname navn namn naam nimi nom nome nombre nombrecompleto nomcomplet
    nomecompleto nomecognome vollstandigername nazwa фио 姓名 名前 氏名 이름 الاسم שם"""
)
_TAGS = _titles(
    """tags tag taglist usertags contacttags subscribertags etiquetas etiquettes etichette schlagworte schlagworter
    stichworte merkelapper etiketter taggar tunnisteet tagi метки теги タグ 标签 標籤 태그"""
)
# These mean "first name" beside a column of last names, and the whole name alone. French "nom" is the reverse.
_FIRST_BESIDE_LAST = _titles("nome nombre name navn namn naam nimi 이름")


def is_email_header(header: str) -> bool:
    """Whether a column of this title holds the address."""
    return folded(header) in _EMAIL


def is_tags_header(header: str) -> bool:
    """Whether a column of this title holds tags."""
    return folded(header) in _TAGS


def attribute_name(header: str) -> str:
    """A name a template can say: `Postal code` is `subscriber.postal_code`. Empty where the title has no letters."""
    text = unicodedata.normalize("NFKC", header).casefold()
    name = "_".join(part for part in re.split(r"\W+", text) if part).strip("_")[:64]
    return f"x{name}" if name[:1].isdigit() else name


def map_columns(headers: Sequence[str], email_at: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What every column becomes ("email" at `email_at`), and a note on each title that had to change."""
    names: list[str] = []
    notes: list[str] = []
    known = _known_columns(headers)
    used = {EMAIL, TAGS}
    for position, header in enumerate(headers):
        if position == email_at:
            names.append(EMAIL)
            continue
        if is_tags_header(header):
            names.append(TAGS)
            continue
        wanted = known.get(position) or attribute_name(header) or f"column_{position + 1}"
        name = _free(f"imported_{wanted}" if wanted in TAKEN else wanted, used)
        if name != wanted:
            notes.append(f"column {position + 1} has a title that is taken; its values are in {name}")
        used.add(name)
        names.append(name)
    return tuple(names), tuple(notes)


def _free(name: str, used: set[str]) -> str:
    number, free = 1, name
    while free in used:
        number += 1
        free = f"{name}_{number}"
    return free


def _known_columns(headers: Sequence[str]) -> dict[int, str]:
    """The name columns. Of two that could be the same one, the first is it."""
    titles = [folded(header) for header in headers]
    last = next((at for at, title in enumerate(titles) if title in _LAST), None)
    first = next((at for at, title in enumerate(titles) if title in _FIRST), None)
    if last is None and first is not None and "nom" in titles:
        last = titles.index("nom")
    if first is None and last is not None:
        first = next((at for at, title in enumerate(titles) if title in _FIRST_BESIDE_LAST), None)
    whole = next((at for at, title in enumerate(titles) if title in _NAME and at not in (first, last)), None)
    found = {"first_name": first, "last_name": last, "name": whole}
    return {at: name for name, at in found.items() if at is not None}
