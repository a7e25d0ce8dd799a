"""The fixed phrases a template prints around the author's words, by language.

A phrase that carries a value is two phrases, before and after it (`why`, `why_end`), because the verb of a German
or Urdu sentence follows the list's name. None names the reader's gender: a list does not know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from mailer.render import confirm_labels

_FALLBACK = "en"

_PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "act": "Take action",
        "by": "By",
        "contact": "Contact",
        "preferences": "Manage preferences",
        "read_article": "Read the full story",
        "read_more": "Read more",
        "unsubscribe": "Unsubscribe",
        "urgent": "Urgent",
        "view_in_browser": "View in browser",
        "website": "Website",
        "why": "You receive this email because you subscribed to",
        "why_end": ".",
    },
    "es": {
        "act": "Actúa ahora",
        "by": "Por",
        "contact": "Contacto",
        "preferences": "Gestionar preferencias",
        "read_article": "Leer el artículo completo",
        "read_more": "Leer más",
        "unsubscribe": "Darse de baja",
        "urgent": "Urgente",
        "view_in_browser": "Ver en el navegador",
        "website": "Sitio web",
        "why": "Recibes este correo porque te suscribiste a",
        "why_end": ".",
    },
    "fr": {
        "act": "Agir maintenant",
        "by": "Par",
        "contact": "Contact",
        "preferences": "Gérer mes préférences",
        "read_article": "Lire l’article complet",
        "read_more": "Lire la suite",
        "unsubscribe": "Se désabonner",
        "urgent": "Urgent",
        "view_in_browser": "Voir dans le navigateur",
        "website": "Site web",
        "why": "Vous recevez cet e-mail au titre de votre abonnement à",
        "why_end": ".",
    },
    "de": {
        "act": "Jetzt aktiv werden",
        "by": "Von",
        "contact": "Kontakt",
        "preferences": "Einstellungen verwalten",
        "read_article": "Ganzen Artikel lesen",
        "read_more": "Weiterlesen",
        "unsubscribe": "Abbestellen",
        "urgent": "Dringend",
        "view_in_browser": "Im Browser ansehen",
        "website": "Website",
        "why": "Sie erhalten diese E-Mail, weil Sie",
        "why_end": " abonniert haben.",
    },
    "pt": {
        "act": "Participe agora",
        "by": "Por",
        "contact": "Contato",
        "preferences": "Gerenciar preferências",
        "read_article": "Ler o artigo completo",
        "read_more": "Ler mais",
        "unsubscribe": "Cancelar inscrição",
        "urgent": "Urgente",
        "view_in_browser": "Ver no navegador",
        "website": "Site",
        "why": "Você está recebendo este e-mail porque se inscreveu em",
        "why_end": ".",
    },
    "ar": {
        "act": "تحرّك الآن",
        "by": "بقلم",
        "contact": "للتواصل",
        "preferences": "إدارة التفضيلات",
        "read_article": "اقرأ المقال كاملًا",
        "read_more": "اقرأ المزيد",
        "unsubscribe": "إلغاء الاشتراك",
        "urgent": "عاجل",
        "view_in_browser": "عرض في المتصفح",
        "website": "الموقع الإلكتروني",
        "why": "تصلك هذه الرسالة بناءً على اشتراكك في",
        "why_end": ".",
    },
    "ur": {
        "act": "ابھی حصہ لیں",
        "by": "تحریر:",
        "contact": "رابطہ",
        "preferences": "ترجیحات تبدیل کریں",
        "read_article": "پورا مضمون پڑھیں",
        "read_more": "مزید پڑھیں",
        "unsubscribe": "رکنیت ختم کریں",
        "urgent": "فوری",
        "view_in_browser": "براؤزر میں دیکھیں",
        "website": "ویب سائٹ",
        "why": "آپ کو یہ ای میل اس لیے بھیجی گئی ہے کہ آپ نے",
        "why_end": " کی رکنیت لی ہے۔",
    },
}

# Where a country's wording differs from the language's most common one.
_REGIONS: dict[str, dict[str, str]] = {
    "pt-pt": {
        "act": "Participe agora",
        "contact": "Contacto",
        "preferences": "Gerir preferências",
        "unsubscribe": "Cancelar subscrição",
        "website": "Sítio web",
        "why": "Recebe este e-mail porque subscreveu",
    },
}

# Languages written from right to left, and the scripts (ISO 15924) that decide when a tag names one (`az-Arab`).
_RTL_LANGUAGES = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ji", "ps", "sd", "ug", "ur", "yi"})
_RTL_SCRIPTS = frozenset({"adlm", "arab", "aran", "hebr", "nkoo", "rohg", "syrc", "thaa"})
_SCRIPT_LENGTH = 4

_WHOLE = {language: phrases | confirm_labels.PHRASES[language] for language, phrases in _PHRASES.items()}
_LABELS: dict[str, Mapping[str, str]] = {
    **{language: MappingProxyType(phrases) for language, phrases in _WHOLE.items()},
    **{
        region: MappingProxyType(_WHOLE[region[:2]] | phrases | confirm_labels.REGIONS.get(region, {}))
        for region, phrases in _REGIONS.items()
    },
}

LANGUAGES: tuple[str, ...] = tuple(_PHRASES)


def _subtags(language: str) -> list[str]:
    return language.strip().replace("_", "-").lower().split("-")


def labels_for(language: str) -> Mapping[str, str]:
    """The phrases for a BCP 47 tag such as `pt-BR`: its region's, else its language's, else the English ones."""
    subtags = _subtags(language)
    for length in range(len(subtags), 0, -1):
        found = _LABELS.get("-".join(subtags[:length]))
        if found is not None:
            return found
    return _LABELS[_FALLBACK]


def direction(language: str) -> Literal["ltr", "rtl"]:
    """The direction a BCP 47 tag is written in. A script subtag outranks the language: `ks-Deva`, `az-Arab`."""
    primary, *rest = _subtags(language)
    script = next((tag for tag in rest if len(tag) == _SCRIPT_LENGTH and tag.isalpha()), None)
    rtl = script in _RTL_SCRIPTS if script else primary in _RTL_LANGUAGES
    return "rtl" if rtl else "ltr"
