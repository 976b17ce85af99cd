"""What the randomness of a case is a function of: the seed, the epoch, the case, and how often it was drawn. Never of history."""

import hashlib
import struct
from typing import NamedTuple


class SampleKey(NamedTuple):
    """Identifies one draw of a case; `case_seed(seed, *key)` is the seed of everything random about it."""

    epoch: int
    # Index in the data set, from 0.
    case: int
    # How often the epoch has drawn the case before: 0, unless cases are drawn more than once.
    repeat: int = 0


def case_seed(seed: int, *parts: int) -> int:
    """Return a seed in [0, 2³²) that depends on every part and on their order: the first bytes of their BLAKE2b digest.

    Sums and products of parts would give neighbouring cases related seeds, or the same one.

    >>> case_seed(0, 1, 2) == case_seed(0, 1, 2), case_seed(0, 1, 2) == case_seed(0, 2, 1), case_seed(0, 1) == case_seed(0, 1, 0)
    (True, False, False)
    """
    packed = struct.pack(f"<{len(parts) + 1}q", seed, *parts)
    return int.from_bytes(hashlib.blake2b(packed, digest_size=4).digest(), "little")
