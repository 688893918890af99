"""Keys, tokens, private keys and passwords in prose and code."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator

from llm_twin_assets.documents.finding import Finding
from llm_twin_assets.documents.secret_values import is_issued, is_password, is_placeholder, is_random

_BEGIN = r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
# A whole block, or the lines of one that was cut off.
_PRIVATE_KEY = re.compile(
    rf"{_BEGIN}(?:(?P<body>(?:(?!-----).){{0,20000}}+)-----END [A-Z0-9 ]{{0,40}}-----"
    r"|(?P<cut>(?:\s{0,8}[A-Za-z0-9+/=]{40,100}){1,400}+))",
    re.DOTALL,
)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{2,}+\.[\w-]*+", re.ASCII)
# What each vendor's keys look like: the vendors' own pages and gitleaks' rules (MIT licence).
_VENDORS = (
    r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",  # Amazon
    r"AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,}+",  # Google
    r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    r"SG\.[\w-]{16,32}\.[\w-]{16,64}|SK[0-9a-f]{32}(?![A-Za-z0-9])",  # SendGrid, Twilio
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    r"dapi[0-9a-f]{32}(?:-[0-9])?|dckr_pat_[\w-]{20,}+|do[opr]_v1_[0-9a-f]{64}",  # Databricks, Docker
    r"fc-[0-9a-f]{32}(?![A-Za-z0-9])|figd_[\w-]{30,}+",  # Firecrawl, Figma
    r"gh[opsur]_[A-Za-z0-9]{36,}+|github_pat_\w{22,}+",
    r"gl(?:agent|cbt|dt|ft|imt|pat|ptt|rt|soat)-[\w-]{20,}+|glsa_\w{32,}+",  # GitLab, Grafana
    r"gsk_[A-Za-z0-9]{40,}+|hf_[A-Za-z0-9]{30,}+|api_org_[A-Za-z0-9]{30,}+",  # Groq, Hugging Face
    r"hv[bs]\.[\w-]{24,}+|key-[0-9a-f]{32}(?![A-Za-z0-9])|lin_api_[A-Za-z0-9]{40}",  # Vault, Mailgun, Linear
    r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|[0-9a-f]{32}-us[0-9]{1,2}",  # LangSmith, Mailchimp
    r"npm_[A-Za-z0-9]{36}|ntn_[A-Za-z0-9]{40,}+|nvapi-[\w-]{40,}+|pypi-AgE[\w-]{50,}+",
    r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|pcsk_\w{40,}+|pplx-[A-Za-z0-9]{40,}+",  # Airtable, Pinecone
    r"r8_[A-Za-z0-9]{37}|sbp_[0-9a-f]{40}|sh(?:pat|pca|ppa|pss)_[0-9A-Fa-f]{32}",  # Replicate, Supabase
    r"sk-(?:[a-z0-9]{2,10}-)?[\w-]{20,}+",  # OpenAI, Anthropic, OpenRouter, Langfuse
    r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}+|whsec_[A-Za-z0-9+/=]{32,}+",  # Stripe
    r"tvly-[\w-]{20,}+|xai-[A-Za-z0-9]{60,}+",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}+|xapp-[0-9]-[A-Za-z0-9-]{20,}+",  # Slack
    r"[0-9]{8,10}:AA[\w-]{33}(?![\w-])",  # Telegram
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])",  # Discord
    r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]{20,}+",
    r"https://(?:\w{1,20}\.)?discord(?:app)?\.com/api/webhooks/[0-9]{10,25}/[\w-]{40,}+",
)
# Keys are long words: a search in these only is ten times faster.
_LONG = re.compile(r"(?<!\S)\S{20,}+")
_VENDOR = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_VENDORS)})", re.ASCII)
_ACCOUNT_KEY = re.compile(r"\b(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,100}={0,2})")
_URL = re.compile(r"://([^\s/:@<>\"'`]{0,100}+:[^\s/@<>\"'`]{1,200}+)@(?!sha256:)[\w\[]")
_VALUE = re.compile(
    r"(?::=|=>|[:=])(?=\s{0,4}(?:[rbuf]?\\{0,2}(?P<quote>[\"'`])(?P<quoted>[^\"'`\s\\]{6,300}+)\\{0,2}(?P=quote)"
    r"|(?P<bare>(?![:=])[^\s\"'`<>(){}\[\],;&|\\]{8,300}+)(?![(\[{])))"
)
_NAME = re.compile(
    r"(?:(?P<password>passw(?:or)?d|passphrase|pwd)|secret|token|credential"
    r"|(?:api|access|auth|secret|private|signing|encryption|account|master|service)[_-]?key|(?-i:_KEY))"
    r"(?:\\{0,2}[\"'`])?\]?(?:\s{0,3}:\s{0,3}\w{1,20})?\s{0,4}\Z",
    re.IGNORECASE,
)
_NAME_WIDTH = 60
_PASSED = re.compile(
    r"(?:--(?:password|passphrase|secret|token|api-key)|\bBearer)\s{1,2}([A-Za-z0-9._~+/=-]{16,}+)",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def secrets(text: str) -> Iterator[Finding]:
    """The keys, tokens, private keys and passwords in a text, the widest first; they may overlap."""
    for search in (_private_keys, _issued, _in_urls, _assigned):
        yield from (Finding("KEY", start, end) for start, end in search(text))


def _private_keys(text: str) -> Iterator[tuple[int, int]]:
    for match in _PRIVATE_KEY.finditer(text):
        if match["cut"] or re.search(r"[A-Za-z0-9+/=]{40}", match["body"]):
            yield match.span()


def _issued(text: str) -> Iterator[tuple[int, int]]:
    """Web tokens, keys that carry their vendor's prefix, and Azure's, which stand behind their name."""
    for word in _LONG.finditer(text):
        for match in _JWT.finditer(text, *word.span()):
            if _is_web_token(match.group()):
                yield match.span()
        for match in (*_VENDOR.finditer(text, *word.span()), *_ACCOUNT_KEY.finditer(text, *word.span())):
            if is_issued(match.group(match.lastindex or 0)):
                yield match.span(match.lastindex or 0)


def _is_web_token(token: str) -> bool:
    """Whether the first part of a JSON Web Token (RFC 7519) is an object that names an algorithm."""
    header = token.partition(".")[0]
    try:
        return "alg" in json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, TypeError, RecursionError):
        return False


def _in_urls(text: str) -> Iterator[tuple[int, int]]:
    """The user and password in the address of a server."""
    for match in _URL.finditer(text):
        password = match.group(1).partition(":")[2]
        if len(password) >= 4 and not is_placeholder(password):
            yield match.span(1)


def _assigned(text: str) -> Iterator[tuple[int, int]]:
    """Values that are given to a name such as password, api_key or token."""
    for match in _VALUE.finditer(text):
        name = _NAME.search(text, max(0, match.start() - _NAME_WIDTH), match.start())
        if name is None:
            continue
        group = "quoted" if match["quote"] else "bare"
        is_secret = _is_quoted_secret if match["quote"] else _is_bare_secret
        if is_secret(match[group], bool(name["password"])):
            yield match.span(group)
    for match in _PASSED.finditer(text):
        if is_random(match.group(1)):
            yield match.span(1)


def _is_quoted_secret(value: str, password: bool) -> bool:
    return is_random(value) or (password and is_password(value))


def _is_bare_secret(value: str, password: bool) -> bool:
    """Whether a value without quotes is a secret: in code it may be a variable."""
    varied = all(any(map(kind, value)) for kind in (str.isupper, str.islower, str.isdigit))
    secret = is_random(value) or (password and varied and is_password(value))
    return secret and not _ATTRIBUTE.fullmatch(value)
