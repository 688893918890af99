"""Which conversations a canary answers, and which its control arm: by a hash, so that it stays so."""

import hashlib
from typing import Final, Literal

Arm = Literal["", "canary", "control"]

# Conversations are spread over so many buckets, a hundred for each percent of a canary's share.
BUCKETS: Final = 10_000


def arm_of(twin: str, release_id: str, share: int, thread_id: str) -> Arm:
    """The arm of a conversation while such a canary takes such a share, the same whenever it is asked.

    The canary has the first buckets and an equally large control arm the last ones, so that neither loses
    a conversation when the share grows. Above one half the control arm is what is left.
    """
    named = f"{twin}\0{release_id}\0{thread_id}".encode()
    bucket = int.from_bytes(hashlib.sha256(named).digest()[:8]) % BUCKETS
    width = BUCKETS * share // 100
    if bucket < width:
        return "canary"
    return "control" if bucket >= BUCKETS - width else ""
