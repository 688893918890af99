import pytest

from llm_twin_assets.documents.emails import emails
from llm_twin_assets.documents.personal_data import cards, ibans, ips
from llm_twin_assets.documents.phones import phones


def found(search, text):
    return [text[finding.start : finding.end] for finding in search(text)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Write to ann.lee@posteo.de today.", "ann.lee@posteo.de"),
        ("Write to ann@letters.blog.", "ann@letters.blog"),
        ("<ann+news@sub.mail-host.co.uk>", "ann+news@sub.mail-host.co.uk"),
        ("[Ann](mailto:ann@letters.org?subject=Hi)", "ann@letters.org"),
        ("_ann@letters.org_", "ann@letters.org"),
        ("**ann_b@letters.org**", "ann_b@letters.org"),
        ("so...ann@letters.org", "ann@letters.org"),
        ("ann@letters.org.She answers.", "ann@letters.org"),
        ("ANN@LETTERS.ORG", "ANN@LETTERS.ORG"),
        ("Ann@Letters.Org", "Ann@Letters.Org"),
        ("author_email = 'ann@letters.io'", "ann@letters.io"),
        ("Ann said: ann@letters.org: hello", "ann@letters.org"),
        ("jürgen@müller.de", "jürgen@müller.de"),
        ("someone1990@163.com", "someone1990@163.com"),
        ("I use ssh daily; mail ann@letters.org", "ann@letters.org"),
        ("https://letters.org/unsubscribe/ann@letters.org", "ann@letters.org"),
        ("ann@letters.org[1]", "ann@letters.org"),
    ],
)
def test_an_email_address_is_found_whole(text, address):
    assert found(emails, text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com and a@mail.example.org",
        "me@site.test, me@site.invalid, me@localhost, me@host.local",
        "git@github.com:ann/letters.git",
        "cloned from git@github.com today",
        "git clone ssh://git@gitlab.com/ann/letters",
        "ssh -i key.pem ubuntu@box.letters.org",
        "scp a.txt ann@box.letters.org:/srv/a.txt",
        "rsync ann@box.letters.org:~/a .",
        "https://ann@dev.letters.io/repository",
        "logo@2x.png, icon@3x.is",
        "hit@10.In the second run",
        "y = (x@W.to(device)) @ (q@k.T)",
        "@app.route('/') and @pytest.fixture",
        "npm install react@18.2.0 @types/node@20.1",
        "Follow @ann@fosstodon.social",
        "twitter@someone.",
        "a..@letters.org",
        f"{'x' * 65}@letters.org",
        "me@-letters.org",
        "Ciphers aes256-gcm@openssh.com",
        "nobody@letters.notatld",
    ],
)
def test_what_only_looks_like_an_email_address_stays(text):
    assert found(emails, text) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Call +44 20 7946 0958.", "+44 20 7946 0958"),
        ("Call +44 (0)20 7946 0958 now", "+44 (0)20 7946 0958"),
        ("+1 (415) 555-2671", "+1 (415) 555-2671"),
        ("+1-415-555-2671,", "+1-415-555-2671"),
        ("tel:+14155552671", "+14155552671"),
        ("(+40 721 234 568)", "+40 721 234 568"),
        ("+40 721 234 568 2024 was a year", "+40 721 234 568"),
        ("+49 30 901820", "+49 30 901820"),
        ("0044 20 7946 0958", "0044 20 7946 0958"),
        ("(415) 555-2671", "(415) 555-2671"),
        ("at 415-555-2671.", "415-555-2671"),
        ("at 415.555.2671", "415.555.2671"),
        ("1-415-555-2671", "1-415-555-2671"),
        ("020 7946 0958", "020 7946 0958"),
        ("(020) 7946 0958", "(020) 7946 0958"),
        ("07911 123 456", "07911 123 456"),
        ("Tel. 0721 234 568", "0721 234 568"),
        ("Phone: 06 98 76 12 34", "06 98 76 12 34"),
        ('{"phone": "0721234568"}', "0721234568"),
        ("My phone number is 415 555 2671", "415 555 2671"),
    ],
)
def test_a_telephone_number_is_found_whole(text, number):
    assert found(phones, text)[:1] == [number]


@pytest.mark.parametrize(
    "text",
    [
        "1939-1945, 2019 - 2024 and 2024/2025",
        "python 3.11.9 and torch==2.13.0",
        "$1,250,000.00 or 415 000 000",
        "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2, 978-0306406157",
        "arXiv:2308.06259 and 2407.11016",
        "2024-05-01 10:30:00 +0200",
        "01-02-2024, 2024.05.01, 05/06/2024 12:00",
        "1700000000 and 1700000000000",
        "order 4155552671, ticket 12-345-678",
        "UTC+2 2024-05-01",
        "+1 2024-05-01 10:30",
        "latitude +40.7127753, longitude -74.0059728",
        "+3.14159265358",
        "+31.207946098 percent",
        "Mobile: 2024-05-01 10:30",
        "+100 000 000 readers",
        "x+14155552671",
        "0100 1101 0010, 0101 1100 0011",
        "512 256 1024",
        "123-456-7890 and (123) 456-7890",
        "phone: 1234567890",
        "0123 456 7890",
        "id 415-555-2671-88",
        "10.0.0.1, 192.168.100.2000",
        "+1234567890",
    ],
)
def test_other_numbers_are_no_telephone_numbers(text):
    assert found(phones, text) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("to GB82 WEST 1234 5698 7654 32 AND more", "GB82 WEST 1234 5698 7654 32"),
        ("GB82WEST12345698765432.", "GB82WEST12345698765432"),
        ("IBAN: DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
        ("BE68 5390 0754 7034 2024", "BE68 5390 0754 7034"),
        ("RO49AAAA1B31007593840000", "RO49AAAA1B31007593840000"),
        ("NO93 8601 1117 947", "NO93 8601 1117 947"),
    ],
)
def test_an_account_number_is_found_whole(text, number):
    assert found(ibans, text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "GB82 WEST 1234 5698 7654 33",  # the check digits are wrong
        "DE89 3704 0044 0532 0130",  # too short
        "DE89370400440532013000A",  # too long
        "XX89 3704 0044 0532 0130 00",  # no such country
        "AB12 CDEF 3456 GHIJ 7890",
        "xDE89370400440532013000",
    ],
)
def test_what_fails_its_check_is_no_account_number(text):
    assert found(ibans, text) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("card=4111111111111111", "4111111111111111"),
        ("5500-0055-5555-5559.", "5500-0055-5555-5559"),
        ("3782 822463 10005", "3782 822463 10005"),
        ("2223003122003222", "2223003122003222"),
        ("6011 1111 1111 1117", "6011 1111 1111 1117"),
        ("3566002020360505", "3566002020360505"),
        ("3056 930902 5904", "3056 930902 5904"),
    ],
)
def test_a_card_number_is_found_whole(text, number):
    assert found(cards, text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # Luhn
        "1234 5678 9012 3452",  # Luhn holds, no issuer
        "4111 1111-1111 1111",  # mixed separators
        "41 111111 1111 1111",
        "0.4111111111111111",
        "https://letters.org/p/4111111111111111",
        "id_4111111111111111",
        "41111111111111110",
        "1700000000000000",
        "20240501103000",
    ],
)
def test_other_long_numbers_are_no_cards(text):
    assert found(cards, text) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("from 93.184.215.14.", "93.184.215.14"),
        ("http://93.184.215.14:8080/", "93.184.215.14"),
        ("HOST=93.184.215.14", "93.184.215.14"),
        ('if ip == "93.184.215.14":', "93.184.215.14"),
        ("ping 8.8.4.4", "8.8.4.4"),
        ("use 8.8.8.8", "8.8.8.8"),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"),
        ("[2606:4700::6810:84e5]:443", "2606:4700::6810:84e5"),
    ],
)
def test_a_public_address_is_found_whole(text, address):
    assert found(ips, text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1 0.0.0.0 10.1.2.3 172.16.0.9 192.168.1.77 169.254.169.254 100.64.0.1 224.0.0.251",
        "192.0.2.44, 198.51.100.7, 203.0.113.9",
        "::1 fe80::1 fd00::2 2001:db8::7 ff02::1",
        "v1.2.3.44, version 93.184.215.14, versions 12.34.56.78",
        "package==93.184.215.14, other>=12.40.1.2, Chrome/120.0.99.10",
        "nvidia-cudnn-cu12   8.9.2.26",
        "1.2.3.4 A section",
        "93.184.215.14.5, 393.184.215.14, 1.3.6.1.4.1.311",
        "pkg-12.34.56.78.tar.gz",
        "std::abs(x), a[::2], face::add, 10:20:30",
        "2024:05:01 12:30:00",
    ],
)
def test_other_addresses_and_versions_stay(text):
    assert found(ips, text) == []
