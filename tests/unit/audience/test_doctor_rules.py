"""The doctor's rules: slips are found, real providers never are, people who protect themselves are left in peace."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.audience.hygiene import Examination, Kind
from mailer.audience.mail_domains import (
    GOOD,
    LARGE,
    RELAYS,
    is_disposable,
    mailbox,
    one_edit_apart,
    parents,
    read_domains,
    slip_of,
    words,
)
from mailer.services.hygiene import disposable_domains

# Real domains of mail providers, by country and size, among them many that look like another one.
PROVIDERS = words(
    """
    gmail.com googlemail.com ymail.com rocketmail.com mail.com email.com usa.com aol.com aim.com gmx.com gmx.de gmx.net
    gmx.at gmx.ch gmx.us gmx.fr gmx.es gmx.co.uk web.de freenet.de t-online.de arcor.de posteo.de posteo.net mailbox.org
    online.de online.no unitybox.de vodafone.de vodafonemail.de kabelmail.de kabelbw.de o2mail.de o2online.de ewe.net
    ewetel.net osnanet.de netcologne.de htp-tel.de versanet.de alice.de alice-dsl.net hansenet.de tutanota.com
    tutanota.de tutamail.com tuta.io keemail.me proton.me protonmail.com protonmail.ch pm.me fastmail.com fastmail.fm
    fastmail.net zoho.com zoho.eu zohomail.com zohomail.eu hushmail.com hush.com runbox.com startmail.com mailfence.com
    disroot.org riseup.net autistici.org inventati.org systemli.org immerda.ch icloud.com me.com mac.com live.com
    live.de live.fr live.it live.nl live.se live.no live.dk live.be live.ca live.co.uk live.com.au msn.com hotmail.com
    hotmail.de hotmail.fr hotmail.it hotmail.es hotmail.nl hotmail.be hotmail.se hotmail.no hotmail.dk hotmail.fi
    hotmail.gr hotmail.co.uk hotmail.com.br hotmail.com.ar hotmail.com.tr hotmail.ca hotmail.ch outlook.com outlook.de
    outlook.fr outlook.it outlook.es outlook.be outlook.pt outlook.dk outlook.com.br outlook.com.au outlook.ie
    passport.com windowslive.com yahoo.com yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.se yahoo.no yahoo.dk yahoo.gr
    yahoo.nl yahoo.ca yahoo.ie yahoo.in yahoo.co.uk yahoo.co.in yahoo.co.jp yahoo.co.id yahoo.com.br yahoo.com.ar
    yahoo.com.mx yahoo.com.au yahoo.com.tr yahoo.com.vn yahoo.com.ph yahoo.ro yahoo.pl yahoo.at yahoo.com.tw
    yahoo.com.hk myyahoo.com y7mail.com yahoo.cl orange.fr wanadoo.fr free.fr sfr.fr neuf.fr laposte.net bbox.fr
    numericable.fr club-internet.fr aliceadsl.fr voila.fr cegetel.net 9online.fr noos.fr libertysurf.fr orange.es
    orange.pl orange.net libero.it virgilio.it alice.it tin.it tim.it tiscali.it tiscali.co.uk inwind.it iol.it email.it
    aruba.it pec.it fastwebnet.it hotmail.rs btinternet.com btopenworld.com talktalk.net talk21.com sky.com
    virginmedia.com virgin.net ntlworld.com blueyonder.co.uk o2.co.uk plus.com plusnet.com eircom.net ziggo.nl
    kpnmail.nl kpnplanet.nl planet.nl xs4all.nl hetnet.nl home.nl upcmail.nl casema.nl chello.nl telenet.be skynet.be
    proximus.be scarlet.be bluewin.ch sunrise.ch hispeed.ch swissonline.ch telia.com telia.se tele2.se bredband.net
    spray.se comhem.se online.se broadpark.no frisurf.no getmail.no mail.dk tdcadsl.dk jubii.dk stofanet.dk kolumbus.fi
    luukku.com suomi24.fi elisanet.fi wp.pl o2.pl onet.pl op.pl interia.pl interia.eu poczta.onet.pl gazeta.pl tlen.pl
    vp.pl seznam.cz centrum.cz email.cz atlas.cz volny.cz post.cz azet.sk centrum.sk zoznam.sk freemail.hu citromail.hu
    t-online.hu indamail.hu mail.ru inbox.ru list.ru bk.ru yandex.ru yandex.com yandex.ua yandex.by yandex.kz ya.ru
    rambler.ru ukr.net i.ua meta.ua abv.bg mail.bg otenet.gr sapo.pt clix.pt telefonica.net terra.com terra.com.br
    uol.com.br bol.com.br ig.com.br globo.com comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net
    charter.net earthlink.net optonline.net frontier.com windstream.net centurylink.net juno.com netzero.net
    roadrunner.com rr.com shaw.ca rogers.com sympatico.ca videotron.ca telus.net bigpond.com bigpond.net.au
    optusnet.com.au iinet.net.au xtra.co.nz naver.com daum.net hanmail.net qq.com 163.com 126.com sina.com foxmail.com
    sohu.com rediffmail.com walla.com walla.co.il duck.com hmail.com qmail.com fmail.com tmail.com kmail.com mymail.com
    fast-mail.org gotmail.com hitmail.com eastmail.com
    """
)

SLIPS = {
    "gmial.com": "gmail.com", "gmai.com": "gmail.com", "gmal.com": "gmail.com", "gamil.com": "gmail.com",
    "gmail.co": "gmail.com", "gmail.con": "gmail.com", "gmail.cm": "gmail.com", "gmail.om": "gmail.com",
    "gnail.com": "gmail.com", "gmaill.com": "gmail.com", "gmaik.com": "gmail.com", "mgail.com": "gmail.com",
    "gmial.con": "gmail.com", "hotmial.com": "hotmail.com", "hotmial.fr": "hotmail.fr", "hotmal.com": "hotmail.com",
    "homtail.com": "hotmail.com", "otmail.com": "hotmail.com", "hotmail.co": "hotmail.com", "yaho.com": "yahoo.com",
    "yahooo.com": "yahoo.com", "yhaoo.com": "yahoo.com", "yahoo.con": "yahoo.com", "yaho.fr": "yahoo.fr",
    "outlok.com": "outlook.com", "oulook.com": "outlook.com", "outloook.com": "outlook.com", "iclud.com": "icloud.com",
    "icloud.co": "icloud.com", "protonmial.com": "protonmail.com", "t-onlin.de": "t-online.de",
    "tonline.de": "t-online.de", "wanado.fr": "wanadoo.fr", "btinternet.co": "btinternet.com", "aol.con": "aol.com",
    "googlemial.com": "googlemail.com", "example.con": "example.com", "union.ogr": "union.org",
    "union.nte": "union.net",
}  # fmt: skip


def test_no_real_provider_is_called_a_slip() -> None:
    assert len(PROVIDERS) > 280
    assert {domain: slip for domain in PROVIDERS if (slip := slip_of(domain))} == {}
    assert not [domain for domain in LARGE | GOOD | RELAYS if slip_of(domain)]


@pytest.mark.parametrize("domain, meant", SLIPS.items(), ids=SLIPS)
def test_a_slip_is_found_with_what_was_meant(domain: str, meant: str) -> None:
    assert slip_of(domain) == meant


@pytest.mark.parametrize(
    "domain",
    [
        "example.org",
        "mail.example.com",
        "wahoo.com",
        "dmail.com",
        "union.co",
        "city.oslo.no",
        "gmail.example.com",
        "xn--mnchen-3ya.de",
        "web.dev",
    ],
)
def test_the_domain_of_an_organisation_is_no_slip(domain: str) -> None:
    assert slip_of(domain) is None


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_one_edit_is_one_edit(one: str, other: str) -> None:
    """Compared with trying every edit there is."""
    letters = "abc"
    edits = {one[:at] + one[at + 1 :] for at in range(len(one))}
    edits |= {one[:at] + letter + one[at:] for at in range(len(one) + 1) for letter in letters}
    edits |= {one[:at] + letter + one[at + 1 :] for at in range(len(one)) for letter in letters}
    edits |= {one[:at] + one[at + 1] + one[at] + one[at + 2 :] for at in range(len(one) - 1)}
    assert one_edit_apart(one, other) == (other in edits - {one})


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("a.da.l+x@gmail.com", "adal@googlemail.com", True),
        ("ada+news@outlook.com", "ada@outlook.com", True),
        ("ada@outlook.com", "ada@hotmail.com", False),
        ("a.da@outlook.com", "ada@outlook.com", False),
        ("ada+a@me.com", "ada@icloud.com", True),
        ("ada@pm.me", "ada+b@proton.me", True),
        ("ada+a@example.org", "ada@example.org", False),
        ("+only@gmail.com", "@gmail.com", False),
    ],
)
def test_two_addresses_of_one_mailbox_by_the_rules_of_its_provider(one: str, other: str, same: bool) -> None:
    assert (mailbox(one) == mailbox(other)) is same


def test_relays_are_never_disposable_even_if_the_list_says_so() -> None:
    listed = frozenset({*RELAYS, "yopmail.com"})
    assert [domain for domain in RELAYS if is_disposable(domain, listed)] == []
    for domain in ("abc.mozmail.com", "x.anonaddy.com", "privaterelay.appleid.com", "ada.simplelogin.com"):
        assert not is_disposable(domain, frozenset({*listed, domain}))
    assert is_disposable("yopmail.com", listed) and is_disposable("mx.yopmail.com", listed)


def test_no_large_provider_is_in_the_list_of_disposable_domains_that_is_shipped(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    known = disposable_domains(tmp_path_factory.mktemp("nothing"))
    assert len(known) > 5000 and "mailinator.com" in known
    assert not LARGE & known


def test_a_file_of_domains() -> None:
    more, less = read_domains("# ours\nBad.example \n@worse.example # why\n\n!mailinator.com\n")
    assert sorted(more) == ["bad.example", "worse.example"]
    assert sorted(less) == ["mailinator.com"]
    assert list(parents("a.b.example")) == ["a.b.example", "b.example"]


def examined(*keys: str, kept: int = 0, needs: int = 0) -> Examination:
    tally = Examination(frozenset({"yopmail.com"}), kept)
    for place, key in enumerate(keys):
        tally.look_at(key, place >= needs)
    tally.alias_examples(keys, tally.shared_mailboxes())
    return tally


def test_what_is_found_about_addresses() -> None:
    tally = examined(
        "ada@gmial.com", "ben@gmial.com", "abuse@example.org", "noreply+x@example.org", "info@example.org",
        "info@gmail.com", "x@yopmail.com", "a.b@gmail.com", "ab+1@gmail.com", "ab@googlemail.com", "cleo@example.org",
        needs=1,
    )  # fmt: skip
    assert tally.people == Counter(
        {
            Kind.TYPING_ERROR: 2,
            Kind.SEVERE_ROLE: 2,
            Kind.ALIAS: 2,
            Kind.ROLE: 1,
            Kind.DISPOSABLE: 1,
            Kind.NEEDS_SMTPUTF8: 1,
        }
    )
    assert tally.details[Kind.TYPING_ERROR] == {"gmial.com for gmail.com": 2}
    assert tally.examined == 11


def test_addresses_are_remembered_only_when_they_are_asked_for() -> None:
    keys = ("ada@gmial.com", "ben@gmial.com", "a.b@gmail.com", "ab@gmail.com")
    assert not any(examined(*keys).examples.values())
    assert examined(*keys, kept=1).examples == {
        Kind.TYPING_ERROR: ["ada@gmial.com"],
        Kind.ALIAS: ["a.b@gmail.com = ab@gmail.com"],
    }


@given(st.lists(st.sampled_from(["a@gmail.com", "a+1@gmail.com", "b@gmail.com", "b.@gmail.com", "c@example.org"])))
def test_addresses_too_many_are_counted_as_a_set_counts_them(keys: list[str]) -> None:
    boxes = [mailbox(key) for key in keys if key.endswith("gmail.com")]
    assert examined(*keys).people[Kind.ALIAS] == len(boxes) - len(set(boxes))
