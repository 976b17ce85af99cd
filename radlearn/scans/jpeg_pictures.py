"""Whether a JPEG picture is whole. Pillow fills what is missing or damaged in the middle with grey, and says nothing.

libjpeg warns of such data, and simplejpeg passes its warnings on; decoding at an eighth of the size unpacks all of the data and costs
little. Of a progressive JPEG, which is sent in scans from coarse to fine, libjpeg does not miss the last ones: its markers are counted.

Source: ISO/IEC 10918-1, B.2 (markers) and G.1.1.1 (spectral selection, successive approximation).
"""

import re

import simplejpeg

PROGRESSIVE = (0xC2, 0xCA)
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
ALONE = {0x01, *range(0xD0, 0xD9)}
"Markers without a length."
END, SCAN = 0xD9, 0xDA
MOST_SCANS = 500
"libjpeg writes ten. Each is unpacked over the whole image, so that thousands in a small file would take minutes."
AFTER_DATA = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
PADDING, MOST_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0xd9"), 16
"Before the end many cameras pad, and every viewer passes over it. Hundreds of bytes are data that did not fit any more."


def jpeg_trouble(content: bytes) -> str:
    """Return what is wrong with a JPEG file that Pillow would decode without a word; "" where nothing is.

    >>> jpeg_trouble(b"no JPEG at all")
    'is damaged or cut short'
    """
    frame, scans = _frame_and_scans(content)
    if len(scans) > MOST_SCANS:
        return f"has more than {MOST_SCANS} scans, which no program writes"
    try:
        simplejpeg.decode_jpeg(content, "GRAY", min_height=1, min_width=1, min_factor=8)
    except ValueError as error:
        padding = PADDING.search(str(error))
        if not padding or int(padding[1]) > MOST_PADDING:
            return "is damaged or cut short"
    return "is a progressive JPEG without its last scans" if frame in PROGRESSIVE and not _is_finished(scans) else ""


def _frame_and_scans(content: bytes) -> tuple[int, list[tuple[bytes, int, int, int]]]:
    """Return the kind of frame, and of each scan the components, first and last coefficient, and how many low bits are left out."""
    scans: list[tuple[bytes, int, int, int]] = []
    frame, at = 0, 2
    while at + 4 <= len(content) and content[at] == 0xFF and len(scans) <= MOST_SCANS:
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in ALONE:
            at += 2
            continue
        if marker == END:
            break
        if marker in FRAMES:
            frame = marker
        body = content[at + 4 : at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")]
        at += 4 + len(body)
        if marker == SCAN:
            if len(body) < 4 + 2 * body[0]:
                break
            first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
            scans.append((body[1 : 1 + 2 * body[0] : 2], first, last, bits & 15))
            found = AFTER_DATA.search(content, at)
            at = found.start() if found else len(content)
    return frame, scans


def _is_finished(scans: list[tuple[bytes, int, int, int]]) -> bool:
    """Whether all bits of all coefficients of the first component, the grey one, were sent."""
    left = dict.fromkeys(range(64), -1)
    grey = scans[0][0][0] if scans and scans[0][0] else 0
    for components, first, last, bits in scans:
        if grey in components:
            left.update(dict.fromkeys(range(first, min(last, 63) + 1), bits))
    return set(left.values()) == {0}
