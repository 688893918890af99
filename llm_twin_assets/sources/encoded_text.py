"""What invisible characters and encodings in a text say once they are decoded."""

import base64
import binascii
import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

# England, Scotland and Wales have flags that are written with tag characters.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")
_TAGS = re.compile("[\U000e0020-\U000e007e\U000e0001\U000e007f]+")
_LATIN = "A-Za-z\u00c0-\u024f"
_THIN = "\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff\u180e\u034f\u115f\u1160\u3164\uffa0\u061c"
_INVISIBLE = re.compile(f"[{_THIN}]")
_RUN = re.compile(f"(?<![{_THIN}])[{_THIN}]++")
_IS_LATIN = re.compile(f"[{_LATIN}]")
_BITS = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u180e]")
_BIT_RUN = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u180e]{16,}")
_SELECTORS = re.compile(
    '(?<=[!-"%-),-/:-~\ufe00-\ufe0f\U000e0100-\U000e01ef])[\ufe00-\ufe0f\U000e0100-\U000e01ef]'
)
_ANY_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_OVERRIDE = re.compile("[\u202d\u202e]([^\u202c\n]{1,5000})")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SUSPECT = re.compile(f"[{_THIN}\u202a-\u202e\u2066-\u2069\ufe00-\ufe0f\U000e0000-\U000e01ef]")
_SPELLED = re.compile(f"(?:[{_LATIN}][{_THIN}]){{8,}}")
_MANY = 6
_PRINTABLE = re.compile("[ -~]{6,}")
_STEPS = tuple((width, shift) for width in (8, 7, 16) for shift in range(width))

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}(?:\s{1,3}[A-Za-z0-9+/_-]{12,})*={0,2}")
_HEX = re.compile(r"(?:(?:\\x|0x|%)?[0-9a-fA-F]{2}[\s,:;-]{0,2}){10,}")
_BASE32 = re.compile(r"[A-Z2-7]{24,}={0,6}")
_BINARY = re.compile(r"(?:[01]{8}[\s,]{0,2}){10,}")
_DECIMAL = re.compile(r"(?:\b1?\d{2}[\s,;]{1,2}){11,}1?\d{2}\b")
_ESCAPES = re.compile(r"(?:\\u\{?[0-9a-fA-F]{4}\}?\s?){6,}")
_PERCENT = re.compile(r"[^\s\"'<>()%]{0,200}(?:%[0-9a-fA-F]{2}[^\s\"'<>()%]{0,200}){2,}+")
_ROT13 = re.compile(
    r"\b(?:vtaber|qvfertneq|sbetrg|birevqr|cerivbhf|cevbe|nobir|vafgehpgvbaf?|cebzcgf?|flfgrz|nffvfgnag|"
    r"zbqry|"
    r"erpbzzraq|erirny|nafjre|erfcbaq|lbh|lbhe|hfre|pbairefngvba|nyjnlf)\b",
    re.IGNORECASE,
)
_REVERSED = re.compile(
    r"\b(?:erongi|drager\w*|tegrof|edirrevo|suoiverp|roirp|evoba|s?noitcurtsni|s?tpmorp|metsys|tnatsissa|"
    r"ledom|"
    r"dnemmocer|laever|rewsna|dnopser|uoy|ruoy|resu|noitasrevnoc|syawla)\b",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True)
class Encoded:
    """A passage of a text, at its offsets, what it says decoded, and whether it was unreadable before."""

    start: int
    end: int
    words: str
    opaque: bool = False


def is_suspect(text: str) -> bool:
    """Whether a text holds any character that can smuggle words."""
    return not text.isascii() and _SUSPECT.search(text) is not None


def smuggled(text: str) -> str | None:
    """Words or bits hidden in characters that have no other use there; None where there are none.

    Flags made of tag characters, joiners in emoji and in scripts that need them, and a byte order
    mark are no such thing.
    """
    tags = "".join(_TAGS.findall(_FLAG.sub("", text)))
    if len(tags) >= _MANY:
        return (
            "".join(chr(ord(char) - 0xE0000) for char in tags if 0xE0020 <= ord(char) <= 0xE007E) or "(tags)"
        )
    spelled = _SPELLED.search(text)
    if spelled:
        return _INVISIBLE.sub("", spelled[0])
    selectors = _SELECTORS.findall(text)
    if len(selectors) >= _MANY:
        return _shown(_selector_bytes(_ANY_SELECTOR.findall(text))) or "(variation selectors)"
    run = _BIT_RUN.search(text)
    if run and len(set(run[0])) > 1:
        return next(iter(_bit_texts(run[0])), "(bits in zero-width characters)")
    return None


def readings(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of what a text says without its invisible characters, and what it says with them."""
    apart = _BIDI.sub("\n", _RUN.sub(_parted, text))
    if apart != text:
        bare = _BIDI.sub("", text)
        yield _INVISIBLE.sub("", bare), apart
        yield _INVISIBLE.sub(" ", bare), apart


def disguised(text: str) -> Iterator[str]:
    """Texts that all zero-width characters of a text together may write, or that are shown backwards."""
    yield from (match[1][::-1] for match in _OVERRIDE.finditer(text))
    bits = "".join(_BITS.findall(text))
    if len(bits) >= 8 * _MANY:
        yield from _bit_texts(bits)


def _parted(run: re.Match[str]) -> str:
    """A line break for invisible characters that touch a Latin letter, which never needs them."""
    beside = run.string[max(run.start() - 1, 0) : run.start()] + run.string[run.end() : run.end() + 1]
    return "\n" if _IS_LATIN.search(beside) else run[0]


def without_invisible(text: str) -> str:
    """A text without zero-width characters, direction marks and selectors."""
    return _SUSPECT.sub("", text)


def encoded(text: str) -> Iterator[Encoded]:
    """Passages of a paragraph that decode to text."""
    lower = text.lower()
    if any(sign in lower for sign in _TURNED):
        yield from _turned(text)
    row = _ROW.search(text) is not None
    if not row and max(map(len, text.split()), default=0) < _LONG:
        return
    for pattern, decode, sign in _CODECS:
        for match in pattern.finditer(text) if sign in lower and (row or decode is not _decimal) else ():
            for words in decode(match[0]):
                yield Encoded(match.start(), match.end(), words, decode in _OPAQUE)


def _turned(text: str) -> Iterator[Encoded]:
    """A paragraph, and what follows a colon in it, turned by rot13 or backwards where words of it tell so."""
    for start, sentence in _sentences(text):
        for pattern, words in ((_ROT13, codecs.encode(sentence, "rot13")), (_REVERSED, sentence[::-1])):
            if len({found.lower() for found in pattern.findall(sentence)}) >= 2:
                yield Encoded(start, start + len(sentence), words)


def _sentences(paragraph: str) -> Iterator[tuple[int, str]]:
    """The paragraph itself, and what follows a colon in it."""
    yield 0, paragraph
    for match in re.finditer(r":\s", paragraph[:5000]):
        yield match.end(), paragraph[match.end() :]
        return


def _base64(blob: str) -> Iterator[str]:
    whole = "".join(blob.split()).rstrip("=").replace("-", "+").replace("_", "/")
    pieces = {whole} | {piece.rstrip("=").replace("-", "+").replace("_", "/") for piece in blob.split()}
    for piece in pieces if len(pieces) < 50 else {whole}:
        for shift in (0, 1, 2, 3) if len(piece) > 40 else (0,):
            words = _base64_text(piece[shift:])
            if words:
                yield words
                yield from _base64(words) if _BASE64.fullmatch(words.strip()) else ()


def _base64_text(piece: str) -> str:
    usable = piece[: len(piece) - (len(piece) % 4 == 1)]
    try:
        return _shown(base64.b64decode(usable + "=" * (-len(usable) % 4)))
    except binascii.Error:
        return ""


def _base32(blob: str) -> Iterator[str]:
    body = blob.rstrip("=")
    try:
        yield _shown(base64.b32decode(body + "=" * (-len(body) % 8)))
    except binascii.Error:
        return


def _hex(blob: str) -> Iterator[str]:
    digits = re.sub(r"\\x|0x|[^0-9a-fA-F]", "", blob)
    yield _shown(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _binary(blob: str) -> Iterator[str]:
    yield _shown(bytes(int(byte, 2) for byte in re.findall("[01]{8}", blob)))


def _decimal(blob: str) -> Iterator[str]:
    numbers = [int(number) for number in re.findall(r"\d+", blob)]
    yield _shown(bytes(numbers)) if max(numbers) < 256 else ""


def _escapes(blob: str) -> Iterator[str]:
    yield "".join(chr(int(code, 16)) for code in re.findall("[0-9a-fA-F]{4}", blob))


def _percent(blob: str) -> Iterator[str]:
    # Words in an address are parted by plus signs or by an encoded space.
    words = unquote(blob)
    if blob.count("%20") + blob.count("+") > 2 or blob.count("%") > len(blob) // 4:
        yield re.sub(r"[?&=/#]", "\n", words.replace("+", " "))


# Patterns and decoders, and what occurs wherever an encoding does: looking for it is cheaper than matching.
_CODECS: tuple[tuple[re.Pattern[str], Callable[[str], Iterator[str]], str], ...] = (
    (_BASE64, _base64, ""),
    (_BASE32, _base32, ""),
    (_HEX, _hex, ""),
    (_BINARY, _binary, "01"),
    (_DECIMAL, _decimal, ""),
    (_ESCAPES, _escapes, "\\u"),
    (_PERCENT, _percent, "%"),
)
_OPAQUE = frozenset((_base64, _base32, _hex, _binary, _decimal))
_ROW = re.compile(r"[\d\\]\w{1,7}[\s,:;-]{1,3}(?:[\d\\]\w{0,7}[\s,:;-]{1,3}){3}")
_LONG = 16
_TURNED = (
    "vafgehpgvba", "vtaber", "cebzcg", "flfgrz", "erpbzzraq", "nffvfgnag", "nyjnlf", "qvfertneq",
    "noitcurtsni",
    "erongi", "tpmorp", "metsys", "dnemmocer", "syawla", "tnatsissa", "drager",
)  # fmt: skip


def _shown(data: bytes) -> str:
    """The text that bytes hold, or nothing where they are not text."""
    for encoding in ("utf-8", "utf-16-le"):
        try:
            words = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        printable = sum(char.isprintable() or char in "\n\t\r" for char in words)
        letters = sum(char.isalpha() or char == " " for char in words)
        if words and printable == len(words) and letters > len(words) * 0.6:
            return words
    return ""


def _selector_bytes(selectors: list[str]) -> bytes:
    """Bytes as selectors write them: FE00 is 0, FE0F is 15, E0100 is 16."""
    numbers = [ord(char) - 0xFE00 if ord(char) < 0xE0000 else ord(char) - 0xE0100 + 16 for char in selectors]
    return bytes(numbers)


def _bit_texts(run: str) -> Iterator[str]:
    """Texts that two kinds of characters may write as bits, by either reading, any width and beginning.

    Other invisible characters before them put the bits out of step; so every step is tried.
    """
    kinds = sorted(set(run), key=run.count, reverse=True)[:2]
    for zero in kinds:
        bits = "".join("0" if char == zero else "1" for char in run if char in kinds)
        for width, shift in _STEPS:
            starts = range(shift, len(bits) - width + 1, width)
            yield from _PRINTABLE.findall("".join(chr(int(bits[at : at + width], 2)) for at in starts))
