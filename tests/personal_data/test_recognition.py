from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.personal_data.recognition import KINDS, find, redact

SECOND_LINE = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
FIRST_LINE = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call 138 1234 5678 or mail to li@example.cn", "call [PHONE] or mail to [EMAIL]"),
        ("电话13812345678。", "电话[PHONE]。"),
        (
            "手机\uff11\uff13\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18。",
            "手机[PHONE]。",
        ),
        ("1\u200b3\u200b8\u200b12345678!", "[PHONE]!"),
        ("138\u200b-\u200b1234-5678", "[PHONE]"),
        ("+49 30 901820, (021) 6283-3333; 415-555-2671", "[PHONE], ([PHONE]; [PHONE]"),
        ("+1 415.555.2671+49301234567", "[PHONE][PHONE]"),
        ("id 11010519491231002X.", "id [ID_CARD]."),
        ("110101199003074477 13812345678", "[ID_CARD] [PHONE]"),
        ("110105 19491231 002x", "[ID_CARD]"),
        ("6222 0212 3456 7890 128", "[BANK_CARD]"),
        ("card=4111111111111111&x=y@z.de", "card=[BANK_CARD]&x=[EMAIL]"),
        ("E12345678 AE12345678 E123456789", "[PASSPORT] AE12345678 E123456789"),
        ("护照号码\uff1aX1234567", "护照号码\uff1a[PASSPORT]"),
        ("Passport no. AB123456, PASSPORT: none", "Passport no. [PASSPORT], PASSPORT: none"),
        (f"{FIRST_LINE}\n{SECOND_LINE}\n", "[PASSPORT]\n"),
        (f"passport {FIRST_LINE}", "passport [PASSPORT]"),
        ("10.0.0.1:80 and 999.1.1.1 and 1.2.3.4.5", "[IP]:80 and 999.1.1.1 and 1.2.3.4.5"),
        ("1.2.3.4. Then 1.1.1.11a", "[IP]. Then [IP]a"),
        ("fe80::1%eth0 [2001:db8::ff00:42:8329]", "[IP]%eth0 [[IP]]"),
        ("10.0.0.1 fe80::1 10.0.0.2", "[IP] [IP] [IP]"),
        ("::ffff:192.168.1.10 2001:db8:0:0:1:0:0:1", "[IP] [IP]"),
        ("张三@例子.中国 邮箱zhang@x.com请回复", "[EMAIL] 邮箱[EMAIL]请回复"),
        ('"a b"@x.com b"@x.com @x.com a@x a@', '[EMAIL] b"@x.com @x.com a@x a@'),
        ("a@b.cd@e.fg", "[EMAIL]@e.fg"),
        ("1     13812345678 (((( 138 ((( 1234 5678", "1     [PHONE] (((( 138 ((( 1234 5678"),
    ],
)
def test_what_is_left_of_a_text(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "4111111111111112",
        "xfe80::1 fe80::1z fe80::12345",
        "std::cout a::b 12:30:45 12:30:45 1:2:3:4:5:6:7:8:9",
        "2024-11-25 12:30:45 1732502400000 3.14159",
        "1 234 567 890 123 456",
        "12345678901234567890123",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert redact(text) == text


def test_findings_say_where() -> None:
    text = "id 11010519491231002X, mail li@example.cn"
    assert [(text[one.start : one.end], one.kind) for one in find(text)] == [
        ("11010519491231002X", "ID_CARD"),
        ("li@example.cn", "EMAIL"),
    ]


local = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=80)
label = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
personal = st.one_of(
    st.builds(lambda a, b: f"{a}@{b}.cn", local, label),
    st.from_regex(r"\A1[3-9][0-9]{9}\Z"),
    st.builds(str, st.ip_addresses(v=4)),
    st.builds(str, st.ip_addresses(v=6)).filter(lambda text: any(map(wide, text.split(":")))),
    st.just("11010519491231002X"),
    st.just("4111-1111-1111-1111"),
    st.from_regex(r"\AE[0-9]{8}\Z"),
)
surrounding = st.text("\0\n\t '\"<>[]{}()|;。中é\u200b\U0001f600", max_size=10)


def wide(group: str) -> bool:
    return len(group) > 2


@given(st.lists(st.tuples(surrounding, personal), max_size=4), surrounding)
def test_what_is_personal_never_stays(parts: list[tuple[str, str]], end: str) -> None:
    text = "".join(f"{before}\x00{value}\x00" for before, value in parts) + end
    left = redact(text)
    for _, value in parts:
        assert value not in left


@given(st.text())
def test_any_text_has_ordered_findings_within_it(text: str) -> None:
    last = 0
    for start, end, kind in find(text):
        assert last <= start < end <= len(text)
        assert kind in KINDS
        last = end


@given(st.text("0123456789+-. ()xX@:aE\u200b\uff11", max_size=200))
def test_whatever_stands_beside_digits_is_borne(text: str) -> None:
    assert redact(redact(text)) is not None


HOSTILE: dict[str, Callable[[int], str]] = {
    "digits": lambda n: "1" * n,
    "single digits": lambda n: "1 " * (n // 2),
    "groups": lambda n: "138 " * (n // 4),
    "plus": lambda n: "+1" * (n // 2),
    "local parts": lambda n: "a" * n,
    "at signs": lambda n: "a@" * (n // 2),
    "quoted": lambda n: '"@' * (n // 2),
    "domain": lambda n: "a@" + "a." * (n // 2),
    "dots": lambda n: "1." * (n // 2),
    "colons": lambda n: ":" * n,
    "hexadecimal": lambda n: "a:" * (n // 2),
    "passports": lambda n: "passport " * (n // 9),
    "machine lines": lambda n: "P<" * (n // 2),
    "invisible": lambda n: "1\u200b" * (n // 2),
    "cards": lambda n: "4111 1111 1111 1112 " * (n // 20),
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_time_grows_with_the_length(shape: str) -> None:
    """Ten times the text takes about ten times as long; quadratic would be a hundred."""

    def seconds(text: str) -> float:
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    small, large = HOSTILE[shape](10_000), HOSTILE[shape](100_000)
    redact(small)
    assert min(seconds(large) for _ in range(3)) < 40 * min(seconds(small) for _ in range(5)) + 0.02
