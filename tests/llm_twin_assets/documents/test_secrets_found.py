import json
import random
import string
from base64 import urlsafe_b64encode

import pytest

from llm_twin_assets.documents.secret_values import entropy, is_password, is_placeholder, is_random
from llm_twin_assets.documents.secrets_found import secrets

MIXED = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"


def made(length, letters=MIXED):
    """Random characters: look-alikes are put together here, so that no key stands in this file."""
    return "".join(random.Random(length).choices(letters, k=length))


def token(header):
    def part(value):
        return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part({'sub': 'ann', 'iat': 1})}.{made(43)}"


def found(text):
    """Each once: two searches may find the same."""
    return list(dict.fromkeys(text[finding.start : finding.end] for finding in secrets(text)))


ISSUED = [
    "AKIA" + made(16, UPPER),
    "ASIA" + made(16, UPPER),
    "AIza" + made(35),
    "GOCSPX-" + made(28),
    "ya29." + made(60),
    "ghp_" + made(36),
    "gho_" + made(36),
    "github_pat_" + made(22) + "_" + made(59),
    "glpat-" + made(20),
    "sk-" + made(48),
    "sk-proj-" + made(90),
    "sk-ant-api03-" + made(93) + "-AA",
    "sk-or-v1-" + made(64, HEX),
    "hf_" + made(34),
    "gsk_" + made(52),
    "r8_" + made(37),
    "npm_" + made(36),
    "pypi-AgE" + made(100),
    "SG." + made(22) + "." + made(43),
    "xoxb-" + made(12, string.digits) + "-" + made(24),
    "xapp-1-" + made(11, UPPER) + "-" + made(13, string.digits) + "-" + made(64, HEX),
    "sk_" + "live_" + made(24),
    "rk_" + "test_" + made(24),
    "whsec_" + made(32),
    "dapi" + made(32, HEX),
    "dckr_pat_" + made(27),
    "lsv2_pt_" + made(32, HEX) + "_" + made(10, HEX),
    "nvapi-" + made(64),
    "tvly-" + made(32),
    "AGE-SECRET-KEY-1" + made(58, UPPER),
    made(32, HEX) + "-us12",
    made(10, "123456789") + ":AA" + made(33),
    "https://hooks." + "slack.com/services/T" + made(8, UPPER) + "/B" + made(8, UPPER) + "/" + made(24),
    "https://discord" + ".com/api/webhooks/" + made(18, "123456789") + "/" + made(68),
    token({"alg": "HS256", "typ": "JWT"}),
]


@pytest.mark.parametrize("key", ISSUED)
@pytest.mark.parametrize("around", ["{}", "the key is {}.", 'login(key="{}")', "`{}`", "KEY={}\n", "({})"])
def test_a_key_with_its_vendors_mark_is_found_whole(key, around):
    text = around.format(key)
    assert found(text) == [key]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('password = "hunter2x"', "hunter2x"),
        ("PASSWORD: 'Corr3ct-Horse'", "Corr3ct-Horse"),
        ('db.connect(user="ann", passwd="s3cr3t!pw")', "s3cr3t!pw"),
        ('{"password": "Tr0ub4dor&3"}', "Tr0ub4dor&3"),
        (r"{\"password\": \"Tr0ub4dor&3\"}", "Tr0ub4dor&3"),
        ("password: str = 'Tr0ub4dor&3'", "Tr0ub4dor&3"),
        ("DB_PASSWORD=Tr0ub4dorX", "Tr0ub4dorX"),
        (f'api_key = "{made(32)}"', made(32)),
        (f"api-key: {made(32, HEX)}", made(32, HEX)),
        (f'os.environ["WANDB_API_KEY"] = "{made(40, HEX)}"', made(40, HEX)),
        (f"export COHERE_API_KEY={made(40)}", made(40)),
        (f"AZURE_OPENAI_KEY='{made(32, HEX)}'", made(32, HEX)),
        (f'aws_secret_access_key = "{made(40)}"', made(40)),
        (f'"client_secret" => "{made(30)}"', made(30)),
        (f'const token := f"{made(24)}"', made(24)),
        (f"https://api.letters.org/v1?token={made(24)}&page=2", made(24)),
        (f"Authorization: Bearer {made(40)}", made(40)),
        (f"wandb login --token {made(40, HEX)}", made(40, HEX)),
        (f"AccountName=a;AccountKey={made(86)}==;EndpointSuffix=b", made(86) + "=="),
        ("postgresql://ann:q7Rt-pl0m@db.letters.org/x", "ann:q7Rt-pl0m"),
        ("redis://:q7Rt-pl0m@cache:6379", ":q7Rt-pl0m"),
        ("https://ann:q7Rtpl0m@letters.org", "ann:q7Rtpl0m"),
    ],
)
def test_an_assigned_secret_is_found_without_its_name(text, secret):
    assert found(text) == [secret]


BEGIN, END = "-----BEGIN {}PRIVATE KEY-----", "-----END {}PRIVATE KEY-----"
LINES = "\n".join([made(64), made(63), made(20)])


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_a_private_key_is_found_from_its_first_line_to_its_last(kind):
    block = f"{BEGIN.format(kind)}\n{LINES}\n{END.format(kind)}"
    assert found(f"before\n{block}\nafter") == [block]


def test_a_private_key_is_found_in_json_and_behind_its_headers():
    inside = f"{BEGIN.format('')}{chr(92)}n{made(64)}{chr(92)}n{END.format('')}"
    assert inside in found(f'{{"private_key": "{inside}"}}')
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB"
    headed = f"{BEGIN.format('RSA ')}\n{headers}\n\n{LINES}\n{END.format('RSA ')}"
    assert found(headed) == [headed]


def test_the_lines_of_a_private_key_that_was_cut_off_are_found_and_the_prose_after_it_is_not():
    block = f"{BEGIN.format('')}\n{made(64)}\n{made(63)}"
    assert found(f"{block}\n\nThe rest is left out.") == [block]


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "YOUR_API_KEY"',
        'api_key = "your-api-key-here-123"',
        'openai_api_key="sk-your-key-goes-here-0000"',
        'token = "<token>"',
        'token = "<your token 1>"',
        'token = "xxxxxxxxxxxxxxxxxxxxxxx1"',
        'password = "********"',
        'password = "${DB_PASSWORD_1}"',
        "password = $DB_PASSWORD1",
        'password = "{{ secrets.DB1 }}"',
        'password: "password", "secret": "secret", "token": "token"',
        'password = "my-secret-password"',
        'password = os.environ["DB_PASSWORD"]',
        'api_key = os.getenv("OPENAI_API_KEY_2")',
        "api_key=settings.openai.key2.value9x8y7z",
        'token = "HF_TOKEN_2"',
        'tokenizer = "meta-llama/Llama-2-7b-chat-hf"',
        'token="meta-llama/Llama-2-7b-chat-hf"',
        "tokenizer.pad_token = tokenizer.eos_token",
        'if token == "classification_token_v2":',
        "next_token = tokenizer.decode(token_id_12345678901)",
        "token=generate_tokenX9y8Z7a6(user)",
        "Step 2: most likely token: “ of being a dreamer”",
        'secret_name = "projects/12/secrets/a1b2c3d4e5f6"',
        'secret = "/run/secrets/db1x9y8z7"',
        'token_url = "https://letters.org/a1b2c3d4e5f6g7h8"',
        'token = "https://letters.org/a1b2c3d4e5f6g7h8"',
        'cache_key = "user:12:a1b2c3d4e5f6"',
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "id = '123e4567-e89b-12d3-a456-426614174000'",
        "sk-learn-contrib-and-its-many-friends",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx1",
        "ghp_" + "x" * 36,
        "ghp_" + "a1" * 18,
        "hf_...",
        "AKIA" + "IOSFODNN7" + "EXAMPLE",
        "hf_hub_download and gl-matrix, npm_config_registry",
        "eyJ" + "h" * 20 + "." + made(20) + "." + made(20),
        token({"typ": "no algorithm"}),
        "postgresql://user:password@localhost/x",
        "https://user:${TOKEN}@letters.org",
        "s3://aws_access_key_id:aws_secret_access_key@bucket/a",
        "https://<user>:<password>@letters.org",
        "http://localhost:8080/a@b",
        "docker://letters:latest@sha256:9f86d081884c7d65",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\n" + LINES + "\n-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE KEY-----\nand then the story goes on in prose",
        "Authorization: Bearer $TOKEN, Authorization: Bearer <token>",
        "the bearer unquestionably1 of news",
        "Password: at least eight letters",
        "secret: it was 1999",
    ],
)
def test_placeholders_names_and_code_are_no_secrets(text):
    assert found(text) == []


def test_entropy_is_the_bits_a_character():
    assert entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("abcdefgh") == 3


def test_a_value_is_judged_by_length_mixture_and_words():
    assert is_random(made(16)) and not is_random(made(15))
    assert not is_random("classification-token-v2") and not is_random("all-MiniLM-L6-v2-GPTQ")
    assert is_password("hunter2") and not is_password("hunter") and not is_password("a1b2c")
    assert is_placeholder("DB_PASSWORD") and is_placeholder("test_token_1") and not is_placeholder("hunter2")
