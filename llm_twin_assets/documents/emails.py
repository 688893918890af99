"""E-mail addresses in prose and code, told from what only looks like one."""

import re
from collections.abc import Iterator

from llm_twin_assets.documents.finding import Finding

_LETTERS = "A-Za-z0-9À-ɏ"
_DOMAIN = re.compile(r"@([\w-]++(?:\.[\w-]++)++)")
_LOCAL = re.compile(
    rf"(?<![{_LETTERS}_%+@-])(?<![{_LETTERS}_%+-]\.)"
    rf"[_%+-]{{0,4}}+([{_LETTERS}][{_LETTERS}_%+-]*+(?:\.[{_LETTERS}_%+-]++)*+)\Z"
)
_MAX_LOCAL = 64
# user@host after one of these, or before a path, is a login on a machine.
_LOGIN = re.compile(r"(?:\b(?:ssh|sftp|scp|rsync|mosh|ssh-copy-id)\s(?:-\S{1,20}\s\S{0,40}\s?){0,4}|//)\Z")
_CALL_OR_PATH = re.compile(r"\(|:(?:[/~]|\S{1,100}\.git\b)")
_COUNTRIES = """ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs
    bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et
    eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im
    in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md
    me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf
    pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv
    sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye
    yt za zm zw"""
# Generic domains that people have mail in; of the rest, few do.
_GENERIC = """academy accountants actor africa agency amsterdam apartments app archi army art asia
    associates attorney auction audio band bank bar bayern beer berlin best bet bike bingo bio biz black
    blackfriday blog blue boston boutique brussels build builders business buzz cab cafe cam camera camp
    capetown capital cards care careers cash cat catering center charity chat cheap church city claims
    cleaning click clinic clothing cloud club coach codes coffee college cologne com community company
    computer condos construction consulting contact contractors cooking cool coop country coupons courses
    credit cruises cymru dance data date dating deals degree delivery democrat dental dentist design dev
    diamonds diet digital direct directory discount doctor dog domains earth eco edu education email energy
    engineer engineering enterprises equipment esq estate eus events exchange expert exposed express fail
    faith family fans farm fashion finance fish fit fitness flights florist football forsale forum
    foundation frl fun fund fyi gal gallery games garden gift gifts gives glass global gmbh gmx gold golf
    gov graphics gratis green group guide guitars guru hamburg haus health help hiphop hockey holdings
    holiday homes horse hospital host house icu immo inc industries info ink institute insure int
    international investments irish jetzt jewelry jobs juegos kim kitchen kiwi koeln lab land lat law lawyer
    lease legal lgbt life lighting limo link live llc loan loans lol london love ltd luxe luxury mail maison
    management market marketing markets mba media men menu miami mil mobi moe mom money monster mortgage
    moscow movie museum nagoya name navy net network news ngo ninja nyc ong onl online ooo org organic page
    paris partners parts party pet pharmacy photo photography photos physio pics pictures pink pizza place
    plumbing plus poker porn press pro productions promo properties pub quebec realty recipes red rehab rent
    rentals repair report republican rest restaurant review reviews rip rocks rodeo ruhr run saarland sale
    salon sarl school science scot security services sexy shoes shop show singles site ski soccer social
    software solar solutions soy space store studio style sucks supplies supply support surf surgery swiss
    sydney systems taipei tattoo tax taxi team tech technology tel tennis theater theatre tickets tienda
    tips tires tirol today tokyo tools top town toys trade training travel university vacations vegas
    ventures vet viajes video villas vin vip vision vlaanderen vodka vote voyage wales wang watch webcam
    website wedding wien wiki win wine work works world wtf xxx xyz yoga zone zuerich"""
_TOP_LEVEL = frozenset(f"{_COUNTRIES} {_GENERIC}".split())
# RFC 2606, and names of algorithms (aes256-gcm@openssh.com, RFC 4251).
_RESERVED = re.compile(r"(?:.*\.)?example\.(?:com|org|net)|openssh\.com|libssh\.org")


def emails(text: str) -> Iterator[Finding]:
    """The e-mail addresses in a text whose domain could be a real one.

    Reserved example domains, logins (`ssh user@host.com`, `git@github.com:a/b`), image sizes
    (`logo@2x.png`) and operators of code (`a@b.T`) are none.
    """
    for match in _DOMAIN.finditer(text):
        at = match.start()
        begin = max(0, at - _MAX_LOCAL - 1)
        local = _LOCAL.search(text, begin, at)
        domain = _mail_domain(match.group(1))
        if local is None or domain is None or at - local.start(1) > _MAX_LOCAL:
            continue
        start, end = local.start(1), at + 1 + len(domain)
        if not _is_login(text, start, end, local.group(1)):
            yield Finding("EMAIL", start, end)


def _mail_domain(name: str) -> str | None:
    """The longest beginning of a dotted name that ends in a top-level domain and is not reserved.

    A sentence may go on without a space behind an address: `ann@site.org.She`.
    """
    labels = name.split(".")
    for count in range(len(labels), 1, -1):
        top = labels[count - 1].strip("_-")
        if top.lower() in _TOP_LEVEL and (top.islower() or top.isupper() or labels[count - 2].istitle()):
            domain = ".".join([*labels[: count - 1], top])
            return domain if _is_mailable(labels[: count - 1], top.lower(), domain) else None
    return None


def _is_mailable(labels: list[str], top: str, domain: str) -> bool:
    """Whether labels are well formed: one of digits is a size or a rank, except where that is the custom."""
    sound = all(0 < len(label) <= 63 and not label.startswith("-") and "_" not in label for label in labels)
    numbered = re.fullmatch("[0-9]+x?", labels[-1]) and top not in ("com", "cn", "net")
    return len(domain) <= 253 and sound and not numbered and not _RESERVED.fullmatch(domain.lower())


def _is_login(text: str, start: int, end: int, local: str) -> bool:
    called = _CALL_OR_PATH.match(text, end) is not None
    return local == "git" or called or _LOGIN.search(text[max(0, start - 90) : start]) is not None
