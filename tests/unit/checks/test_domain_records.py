"""SPF, DKIM keys, DMARC and MX, judged from records as they stand in real zones and in the RFCs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailer.checks.domain.dkimkey import KeyName, judge_key
from mailer.checks.domain.dmarc import aligned, judge_dmarc, strictness, walk
from mailer.checks.domain.mailhosts import judge_mx
from mailer.checks.domain.records import tags_of, txt_line
from mailer.checks.domain.sender import Signing, Zoned, judge_sender
from mailer.checks.domain.spf import Walk, judge_spf
from mailer.checks.domain.verdict import State, Verdict
from tests.unit.checks.zones import Zone, told, zone

Records = dict[str, str | tuple[str, ...]]

# As Google has published it for years: four questions, all of them behind a redirect.
GOOGLE: Records = {
    "gmail.com TXT": ("v=spf1 redirect=_spf.google.com", "globalsign-smime-dv=x"),
    "_spf.google.com TXT": "v=spf1 include:_netblocks.google.com include:_netblocks2.google.com "
    "include:_netblocks3.google.com ~all",
    "_netblocks.google.com TXT": "v=spf1 ip4:35.190.247.0/24 ip4:64.233.160.0/19 ~all",
    "_netblocks2.google.com TXT": "v=spf1 ip6:2001:4860:4000::/36 ~all",
    "_netblocks3.google.com TXT": "v=spf1 ip4:172.217.0.0/19 ~all",
}


def spf(records: Mapping[str, str | tuple[str, ...]], permit: str = "", *lost: str) -> list[Verdict]:
    return list(judge_spf("example.org", zone(records, *lost), permit))


def includes(number: int) -> Records:
    """A record that leads to so many others."""
    names = [f"s{each}.example.net" for each in range(number)]
    own = "v=spf1 " + " ".join(f"include:{name}" for name in names) + " -all"
    others: Records = {f"{name} TXT": "v=spf1 ip4:192.0.2.1 -all" for name in names}
    return others | {"example.org TXT": own}


def test_a_record_of_a_large_provider_is_counted_as_receivers_do() -> None:
    found = list(judge_spf("gmail.com", zone(GOOGLE)))
    assert [(verdict.state, verdict.words) for verdict in found] == [
        (State.OK, "gmail.com: 4 questions of 10, ends with ~all")
    ]


def test_a_missing_record_is_given_to_copy() -> None:
    (verdict,) = spf({"example.org MX": "10 mail.example.org"}, "include:sendgrid.net")
    assert verdict.state is State.ERROR
    assert verdict.record == 'example.org. IN TXT "v=spf1 include:sendgrid.net ~all"'


def test_texts_that_only_look_like_spf_are_none() -> None:
    (verdict,) = spf({"example.org TXT": ("v=spf10 -all", "spf1 -all", "v=spf1-all")})
    assert verdict.words == "example.org has no SPF record"


def test_several_records_become_one() -> None:
    (verdict,) = spf({"example.org TXT": ("v=spf1 a -all", "V=SPF1 include:sendgrid.net a ~all")})
    assert (verdict.state, verdict.words) == (State.ERROR, "example.org has 2 SPF records, and then none counts")
    assert verdict.record == 'example.org. IN TXT "v=spf1 a include:sendgrid.net ~all"'


@pytest.mark.parametrize(
    ("number", "errors"), [(10, []), (11, ["example.org: it takes 11 questions to DNS, and receivers stop at 10"])]
)
def test_ten_questions_are_the_limit(number: int, errors: list[str]) -> None:
    assert told(spf(includes(number)), State.ERROR) == errors


def test_every_kind_of_question_counts_and_addresses_do_not() -> None:
    text = "v=spf1 a a:www.example.org/28 mx mx/24 ptr exists:%{i}.example.net "
    text += "ip4:192.0.2.0/24 ip6:2001:db8::/32 exp=e -all"
    there = {
        "example.org TXT": text,
        "example.org A": "192.0.2.1",
        "www.example.org A": "192.0.2.1",
        "example.org MX": "10 mail.example.org",
    }
    found = spf(dict(there))
    assert told(found, State.OK) == ["example.org: 6 questions of 10, ends with -all"]
    assert told(found, State.WARNING) == ["example.org: ptr is slow, and many receivers pass over it"]


@pytest.mark.parametrize(("number", "errors"), [(2, 0), (3, 1)])
def test_two_questions_may_find_nothing(number: int, errors: int) -> None:
    terms = " ".join(f"a:gone{each}.example.net" for each in range(number))
    assert len(told(spf({"example.org TXT": f"v=spf1 {terms} -all"}), State.ERROR)) == errors


def test_an_address_of_either_kind_is_something() -> None:
    names = [f"h{each}.example.net" for each in range(4)]
    there = {"example.org TXT": "v=spf1 " + " ".join(f"a:{name}" for name in names) + " -all"}
    assert not told(spf(there | {f"{name} AAAA": "2001:db8::1" for name in names}), State.ERROR)


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ({"example.org TXT": "v=spf1 include:gone.example.net -all"},
         "example.org: an include of gone.example.net, which has no SPF record"),
        ({"example.org TXT": "v=spf1 include:two.example.net -all", "two.example.net TXT": ("v=spf1 a", "v=spf1 mx")},
         "example.org: an include of two.example.net, which has more than one SPF record"),
        ({"example.org TXT": "v=spf1 include:b.example.net ~all", "b.example.net TXT": "v=spf1 include:example.org"},
         "example.org: an include that leads back to itself"),
        ({"example.org TXT": "v=spf1 redirect=example.org"}, "example.org: an include that leads back to itself"),
        ({"example.org TXT": "v=spf1 ipv4:192.0.2.1 -all"}, "example.org: a term that SPF does not have"),
        ({"example.org TXT": "v=spf1 amx -all"}, "example.org: a term that SPF does not have"),
        ({"example.org TXT": "v=spf1 ip4:192.0.2.1 +all"}, "example.org: +all lets everybody send in its name"),
        ({"example.org TXT": "v=spf1 all"}, "example.org: +all lets everybody send in its name"),
        ({"example.org TXT": "v=spf1 mx -all", "example.org MX": tuple(f"10 m{n}.example.org" for n in range(11))},
         "example.org: an mx with more than 10 servers"),
    ],
)  # fmt: skip
def test_what_makes_a_record_worthless(records: Records, fault: str) -> None:
    assert told(spf(records), State.ERROR) == [fault]


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("v=spf1 ip4:192.0.2.1", "v=spf1 ip4:192.0.2.1 ~all"),
        ("v=spf1 ip4:192.0.2.1 ?all", "v=spf1 ip4:192.0.2.1 ~all"),
    ],
)
def test_an_end_that_says_nothing_gets_one(text: str, better: str) -> None:
    (verdict,) = spf({"example.org TXT": text})
    assert (verdict.state, verdict.record) == (State.WARNING, f'example.org. IN TXT "{better}"')


@pytest.mark.parametrize("text", ["v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.1 ~all"])
def test_an_end_that_says_no_is_one(text: str) -> None:
    (verdict,) = spf({"example.org TXT": text})
    assert verdict.state is State.OK


def test_a_provider_that_is_not_named_is_put_in_front() -> None:
    records: Records = {"example.org TXT": "v=spf1 ip4:192.0.2.1 -all"}
    warned = [verdict for verdict in spf(records, "include:amazonses.com") if verdict.state is State.WARNING]
    assert [verdict.record for verdict in warned] == [
        'example.org. IN TXT "v=spf1 include:amazonses.com ip4:192.0.2.1 -all"'
    ]
    records = includes(1)
    assert not told(spf(records, "include:S0.example.net"), State.WARNING)
    # A server of one's own is often covered by mx or its address.
    assert not told(spf(records, "a:smtp.example.org"), State.WARNING)


def test_what_nobody_answers_is_not_judged() -> None:
    assert [verdict.state for verdict in spf({}, "", "example.org")] == [State.UNKNOWN]
    found = spf(includes(2), "", "s1.example.net")
    assert State.UNKNOWN in {verdict.state for verdict in found} and not told(found, State.ERROR)


def test_records_that_breed_are_not_followed_for_ever() -> None:
    many: Records = {
        f"n{each}.example.net TXT": "v=spf1 "
        + " ".join(f"include:n{each * 3 + step}.example.net" for step in (1, 2, 3))
        for each in range(400)
    }
    ask = zone(many)
    walked = Walk(ask)
    walked.follow("n0.example.net", ask("n0.example.net", "TXT").records[0], ("n0.example.net",))
    assert walked.lookups < 60 and len(ask.asked) < 70


# DKIM keys


def rsa_text(bits: int, more: str = "") -> str:
    public = rsa.generate_private_key(65537, bits).public_key()
    data = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; {more}p={b64encode(data).decode()}"


RSA_2048, RSA_1024 = rsa_text(2048), rsa_text(1024)
# RFC 8463, A.2.
ED25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
NAME = "s1._domainkey.example.org"
KEY = KeyName("example.org", "s1")
CURVE = b64encode(
    ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        (RSA_2048, State.OK, f"{NAME}: RSA with 2048 bits"),
        (RSA_2048.replace("v=DKIM1; ", ""), State.OK, f"{NAME}: RSA with 2048 bits"),
        (RSA_2048.replace("k=rsa; ", ""), State.OK, f"{NAME}: RSA with 2048 bits"),
        (RSA_2048[:90] + "  " + RSA_2048[90:], State.OK, f"{NAME}: RSA with 2048 bits"),
        (ED25519, State.OK, f"{NAME}: Ed25519"),
        (RSA_1024, State.WARNING, f"{NAME}: 1024 bits are few"),
        ("v=DKIM1; k=rsa; p=", State.ERROR, f"{NAME}: the key is revoked"),
        ("v=DKIM1; k=rsa", State.ERROR, f"{NAME}: it has no p=, the key"),
        ("v=DKIM2; p=AAAA", State.ERROR, f"{NAME}: that is no DKIM record"),
        ("v=DKIM1; p=AAAA", State.ERROR, f"{NAME}: what stands in p= is no key"),
        ("v=DKIM1; p=!!!!", State.ERROR, f"{NAME}: what stands in p= is no key"),
        (f"v=DKIM1; p={CURVE}", State.ERROR, f"{NAME}: it is neither RSA nor Ed25519"),
        ("v=DKIM1; k=ed25519; p=AAAA", State.ERROR, f"{NAME}: what stands in p= is no key"),
    ],
)
def test_a_key_is_read_and_measured(text: str, state: State, words: str) -> None:
    (verdict,) = judge_key(KEY, zone({f"{NAME} TXT": text}))
    assert (verdict.state, verdict.words) == (state, words)


def test_a_short_key_is_not_to_be_believed() -> None:
    # The record of a 512 bit key, which cryptography does not make any more but reads.
    modulus = (1 << 767) + 5
    data = rsa.RSAPublicNumbers(65537, modulus).public_key()
    text = b64encode(data.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    (verdict,) = judge_key(KEY, zone({f"{NAME} TXT": f"v=DKIM1; p={text}"}))
    assert (verdict.state, verdict.words) == (State.ERROR, f"{NAME}: 768 bits are too few to be believed")


def test_a_key_that_is_tried_out_does_not_count() -> None:
    found = judge_key(KEY, zone({f"{NAME} TXT": RSA_2048.replace("p=", "t=s:y; p=")}))
    assert told(found, State.WARNING) == [f"{NAME}: t=y says that it is only being tried out"]
    assert not told(judge_key(KEY, zone({f"{NAME} TXT": RSA_2048.replace("p=", "t=s; p=")})), State.WARNING)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ({}, f"{NAME} is not there"),
        ({f"{NAME} TXT": ED25519}, f"{NAME} holds another key than the one that signs"),
        ({f"{NAME} TXT": (RSA_2048, ED25519)}, f"{NAME} has 2 records"),
        ({f"{NAME} TXT": "v=DKIM1; p="}, f"{NAME}: the key is revoked"),
    ],
)
def test_our_own_key_is_given_to_copy(records: Records, words: str) -> None:
    (verdict,) = judge_key(KeyName("example.org", "s1", RSA_2048), zone(records))
    assert (verdict.state, verdict.words) == (State.ERROR, words)
    name, _, strings = verdict.record.partition(" IN TXT ")
    assert name == f"{NAME}." and strings.count('" "') == 1
    assert strings.strip('"').replace('" "', "") == RSA_2048


def test_the_record_to_copy_has_strings_of_at_most_255() -> None:
    line = txt_line("a.example.org", "x" * 511)
    assert [len(part) for part in line.partition(" IN TXT ")[2].strip('"').split('" "')] == [255, 255, 1]
    assert txt_line("a", 'say "x" \\') == 'a. IN TXT "say \\"x\\" \\\\"'


def test_of_two_tags_alike_the_first_counts() -> None:
    assert tags_of("A = 1 ; b=x=y;;c; a=2; =3") == {"a": "1", "b": "x=y"}


# DMARC


@pytest.mark.parametrize(
    ("records", "start", "organisation"),
    [
        ({"_dmarc.example.org TXT": "v=DMARC1; p=none"}, "news.example.org", "example.org"),
        ({"_dmarc.example.org TXT": "v=DMARC1; p=none", "_dmarc.news.example.org TXT": "v=DMARC1; p=none"},
         "news.example.org", "example.org"),
        ({"_dmarc.example.org TXT": "v=DMARC1; p=none", "_dmarc.news.example.org TXT": "v=DMARC1; p=none; psd=n"},
         "a.news.example.org", "news.example.org"),
        ({"_dmarc.uk TXT": "v=DMARC1; p=reject; psd=y"}, "mail.rivers.uk", "rivers.uk"),
        ({"_dmarc.co.uk TXT": "v=DMARC1; p=reject; psd=y"}, "a.b.rivers.co.uk", "rivers.co.uk"),
        ({"_dmarc.co.uk TXT": "v=DMARC1; p=reject; psd=y"}, "co.uk", "co.uk"),
        ({}, "news.example.org", "news.example.org"),
        ({"_dmarc.example.org TXT": ("v=DMARC1; p=none", "v=DMARC1")}, "news.example.org", "news.example.org"),
        ({"_dmarc.example.org TXT": ("v=spf1 -all", "v=DMARC1; p=none")}, "news.example.org", "example.org"),
    ],
)  # fmt: skip
def test_the_organisation_is_found_by_walking_up(records: Records, start: str, organisation: str) -> None:
    assert walk(start, zone(records)).organisation == organisation


def test_a_long_name_is_walked_from_its_last_seven_labels() -> None:
    ask = zone({})
    walk("a.b.c.d.e.f.g.h.i.example.org", ask)
    assert [name.removeprefix("_dmarc.").split(" ")[0] for name in ask.asked] == [
        "a.b.c.d.e.f.g.h.i.example.org", "e.f.g.h.i.example.org", "f.g.h.i.example.org", "g.h.i.example.org",
        "h.i.example.org", "i.example.org", "example.org", "org",
    ]  # fmt: skip
    short = zone({})
    walk("a.b.c.d.e.example.org", short)
    assert len(short.asked) == 7


def dmarc(text: str | tuple[str, ...] | None, domain: str = "example.org", at: str = "example.org") -> list[Verdict]:
    return list(judge_dmarc(domain, zone({f"_dmarc.{at} TXT": text} if text else {}), "office@example.org"))


def test_a_missing_policy_is_given_to_copy() -> None:
    (verdict,) = dmarc(None)
    assert verdict.state is State.ERROR
    assert verdict.record == '_dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:office@example.org"'


RUA = "; rua=mailto:d@example.org"


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        (f"v=DMARC1; p=none{RUA}", State.OK, "example.org: none, as _dmarc.example.org says"),
        (f"v = DMARC1 ;p=Reject{RUA}", State.OK, "example.org: reject, as _dmarc.example.org says"),
        ("v=DMARC1; p=none", State.WARNING,
         "_dmarc.example.org: nobody gets the reports that tell who sends in its name"),
        (f"v=DMARC1{RUA}", State.WARNING,
         "_dmarc.example.org names no policy; not everybody takes that for none"),
        (f"v=DMARC1; p=none; pct=50{RUA}", State.WARNING,
         "_dmarc.example.org: DMARC has no pct any more (RFC 9989)"),
        (f"v=DMARC1; p=reject; t=y{RUA}", State.WARNING,
         "_dmarc.example.org: t=y says that reject is only being tried out"),
        ("v=DMARC1; p=off", State.ERROR, "_dmarc.example.org: p= is none of none, quarantine or reject"),
        (("v=DMARC1; p=none", "v=DMARC1; p=none"), State.ERROR,
         "_dmarc.example.org has several records, and then none counts"),
    ],
)  # fmt: skip
def test_what_a_policy_says(text: str | tuple[str, ...], state: State, words: str) -> None:
    assert words in told(dmarc(text), state)
    assert not told(dmarc(text), State.ERROR) or state is State.ERROR


def test_a_parent_may_say_another_policy_for_what_is_below() -> None:
    text = f"v=DMARC1; p=reject; sp=none{RUA}"
    assert told(dmarc(text, "news.example.org"), State.OK) == ["news.example.org: none, as _dmarc.example.org says"]
    assert told(dmarc(text), State.OK) == ["example.org: reject, as _dmarc.example.org says"]


def test_the_policy_of_a_public_suffix_holds_where_there_is_no_other() -> None:
    text = f"v=DMARC1; p=reject; psd=y{RUA}"
    assert told(dmarc(text, "rivers.example", "example"), State.OK) == [
        "rivers.example: reject, as _dmarc.example says"
    ]


def test_no_answer_is_no_missing_policy() -> None:
    found = judge_dmarc("example.org", zone({}, "_dmarc.example.org"))
    assert [verdict.state for verdict in found] == [State.UNKNOWN]


@pytest.mark.parametrize(
    ("author", "other", "strict", "together"),
    [
        ("example.org", "example.org", True, True),
        ("example.org", "EXAMPLE.org.", True, True),
        ("example.org", "news.example.org", False, True),
        ("news.example.org", "mail.example.org", False, True),
        ("news.example.org", "example.org", True, False),
        ("example.org", "sendgrid.net", False, False),
        ("example.org", "notexample.org", False, False),
        ("other.net", "a.other.net", False, True),
        ("other.net", "another.net", False, False),
    ],
)
def test_who_speaks_for_whom(author: str, other: str, strict: bool, together: bool) -> None:
    ask = zone({"_dmarc.example.org TXT": "v=DMARC1; p=none", "_dmarc.sendgrid.net TXT": "v=DMARC1; p=none"})
    assert aligned(author, other, ask, strict=strict) is together


def test_strictness_is_read_from_the_policy() -> None:
    assert strictness("example.org", zone({"_dmarc.example.org TXT": "v=DMARC1; p=none; adkim=s"})) == (True, False)
    assert strictness("example.org", zone({"_dmarc.example.org TXT": "v=DMARC1; p=none; aspf=S"})) == (False, True)
    assert strictness("example.org", zone({})) == (False, False)


# MX


@pytest.mark.parametrize(
    ("records", "state", "words"),
    [
        ({"example.org MX": "10 mail.example.org", "mail.example.org A": "192.0.2.1"}, State.OK,
         "example.org: 1 mail server"),
        ({"example.org MX": "10 mail.example.org", "mail.example.org AAAA": "2001:db8::1"}, State.OK,
         "example.org: 1 mail server"),
        ({"example.org MX": ("10 mail.example.org", "20 old.example.org"), "mail.example.org A": "192.0.2.1"},
         State.WARNING, "example.org: its mail server old.example.org has no address"),
        ({"example.org MX": "10 old.example.org"}, State.ERROR,
         "example.org: its mail server old.example.org has no address"),
        ({"example.org MX": "0 "}, State.ERROR,
         "example.org says that it takes no mail (MX 0 .), and many refuse what comes from there"),
        ({"example.org MX": "0 ."}, State.ERROR,
         "example.org says that it takes no mail (MX 0 .), and many refuse what comes from there"),
        ({"example.org A": "192.0.2.1"}, State.WARNING, "example.org has no MX record; answers go to its web server"),
        ({"example.org TXT": "x"}, State.ERROR,
         "nobody takes mail for example.org, so that no answer and no bounce arrives"),
        ({}, State.ERROR, "example.org does not exist"),
    ],
)  # fmt: skip
def test_where_answers_go(records: Records, state: State, words: str) -> None:
    assert told(judge_mx("example.org", zone(records)), state) == [words]


# A whole sender

GOOD: Records = {
    "example.org MX": "10 mail.example.org",
    "mail.example.org A": "192.0.2.1",
    "example.org TXT": "v=spf1 mx -all",
    f"{NAME} TXT": RSA_2048,
    "_dmarc.example.org TXT": f"v=DMARC1; p=none{RUA}",
}


def sender(signing: Signing, ask: Zone | None = None) -> list[Verdict]:
    return list(judge_sender("example.org", signing, ask or zone(GOOD)))


def test_a_domain_in_order_has_nothing_to_mend() -> None:
    assert {verdict.state for verdict in sender(Signing((KeyName("example.org", "s1", RSA_2048),)))} == {State.OK}


def test_of_a_domain_that_does_not_exist_one_thing_is_said() -> None:
    assert [verdict.words for verdict in sender(Signing(), zone({}))] == ["example.org does not exist"]


@pytest.mark.parametrize(
    ("signing", "state"),
    [
        (Signing(signed_by=("example.org",)), State.OK),
        (Signing(signed_by=("mail.example.org",), envelope=None), State.OK),
        (Signing(signed_by=("other.net",), envelope=None), State.ERROR),
        (Signing(signed_by=("other.net",), envelope="bounce.other.net"), State.ERROR),
        (Signing(signed_by=("other.net",)), State.WARNING),
        (Signing(), State.UNKNOWN),
    ],
)
def test_somebody_must_speak_for_the_author(signing: Signing, state: State) -> None:
    found = [verdict for verdict in sender(signing) if verdict.area == "alignment"]
    assert [verdict.state for verdict in found] == [state]


def test_spf_is_judged_where_bounces_go() -> None:
    ask = zone(GOOD | {"em1.example.org TXT": "v=spf1 ip4:192.0.2.9"})
    found = [verdict for verdict in sender(Signing(envelope="em1.example.org"), ask) if verdict.area == "spf"]
    assert [verdict.state for verdict in found] == [State.WARNING]
    found = [verdict for verdict in sender(Signing(envelope=None)) if verdict.area == "spf"]
    assert [verdict.state for verdict in found] == [State.UNKNOWN]


WANTED = (
    Zoned("CNAME", "em1.example.org", "u1.wl.sendgrid.net", found=False),
    Zoned("TXT", "m1._domainkey.example.org", "k=rsa; t=s; p=ABC", found=True),
    Zoned("MX", "em2.example.org", "mx.sendgrid.net.", found=False),
)
THERE: Records = {
    "em1.example.org CNAME": "U1.wl.sendgrid.net",
    "m1._domainkey.example.org TXT": "k=rsa;t=s;p=ABC",
    "em2.example.org MX": "10 mx.sendgrid.net",
}


def test_records_that_a_provider_wants_are_looked_for_and_given_to_copy() -> None:
    missing = [verdict.record for verdict in sender(Signing(wanted=WANTED)) if verdict.state is State.ERROR]
    assert missing == [
        "em1.example.org. IN CNAME u1.wl.sendgrid.net.",
        'm1._domainkey.example.org. IN TXT "k=rsa; t=s; p=ABC"',
        "em2.example.org. IN MX 10 mx.sendgrid.net.",
    ]
    found = sender(Signing(wanted=WANTED), zone(GOOD | THERE))
    assert not told(found, State.ERROR)
    assert "example.org: all 3 records that the provider wants are there" in told(found, State.OK)
    wrong = zone(GOOD | THERE | {"em1.example.org CNAME": "u2.wl.sendgrid.net"})
    assert told(sender(Signing(wanted=WANTED), wrong), State.ERROR) == [
        "em1.example.org is not as the provider wants it"
    ]


def test_where_dns_does_not_answer_the_provider_is_believed() -> None:
    ask = zone(GOOD | THERE, "em1.example.org", "m1._domainkey.example.org")
    assert told(sender(Signing(wanted=WANTED), ask), State.ERROR) == ["em1.example.org is not as the provider wants it"]


def test_an_ed25519_key_of_our_own_is_known_again() -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    text = f"v=DKIM1; k=ed25519; p={b64encode(public).decode()}"
    (verdict,) = judge_key(KeyName("example.org", "s1", text), zone({f"{NAME} TXT": text}))
    assert verdict.state is State.OK
