"""The words of pages and mails in every language, as gettext has them: the English phrase is the key."""

from mailer.languages.catalogs import LANGUAGES as LANGUAGES
from mailer.languages.catalogs import Catalog as Catalog
from mailer.languages.catalogs import Phrase as Phrase
from mailer.languages.catalogs import marked as marked
from mailer.languages.catalogs import marked_in as marked_in
from mailer.languages.catalogs import messages as messages
from mailer.languages.catalogs import translations as translations
from mailer.languages.tags import asked_for as asked_for
from mailer.languages.tags import direction as direction
from mailer.languages.tags import nearest as nearest
from mailer.languages.tags import subtags as subtags
