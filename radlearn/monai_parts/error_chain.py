"""Finds the error with the clear message among those that MONAI and torch raise around it.

MONAI turns an error in a transform into `RuntimeError("applying transform …")`, whose cause it is. A worker process of a data loader sends
only the text of its traceback.
"""

import re
import traceback

from radlearn import errors
from radlearn.errors import RadlearnError

# Compose says `applying transform <monai.transforms.spatial.dictionary.Spacingd object at 0x7f…>`.
APPLYING = re.compile(r"applying transform (?:<(?:[\w.]|<locals>)*\b)?(\w+)")
INSTALLED = ("site-packages", "dist-packages")
FROM_A_WORKER = "Original Traceback (most recent call last)"
IN_A_TRACEBACK = re.compile(r"^radlearn\.errors\.(\w+): (.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)


def radlearn_error_in(error: BaseException | None) -> RadlearnError | None:
    """Return the radlearn error that an error is or was caused by; None where there is none.

    An error from a worker process is made anew from its text, with the class and the message that it had there.

    >>> from monai.transforms import LoadImaged, Compose
    >>> from radlearn.monai_parts.ct_reader import CTReader
    >>> try:
    ...     Compose([LoadImaged("image", reader=CTReader())])({"image": "nowhere.nii.gz"})
    ... except RuntimeError as error:
    ...     print(error, "|", radlearn_error_in(error))
    applying transform <monai.transforms.io.dictionary.LoadImaged object at ...> | nowhere.nii.gz: there is no such file.
    """
    while error is not None:
        text = str(error)
        if FROM_A_WORKER in text and (found := IN_A_TRACEBACK.findall(text)):
            # The last of a traceback is the outermost.
            name, message = found[-1]
            kind = getattr(errors, name, RadlearnError)
            return kind(message.strip()) if issubclass(kind, RadlearnError) else RadlearnError(message.strip())
        if isinstance(error, RadlearnError):
            return error
        # Not __context__: an error that merely happened while another was handled is not explained by it.
        error = error.__cause__
    return None


def fault_in(error: BaseException) -> str:
    """Return what failed in which transform, in one line, with the line of the caller's own code where there is one.

    >>> try:
    ...     raise RuntimeError("applying transform <my.Window object at 0x7f>") from ValueError("no such axis")
    ... except RuntimeError as error:
    ...     fault_in(error)
    'Window: ValueError: no such axis'
    """
    name, first = "", error
    while True:
        if found := APPLYING.match(str(first)):
            name = f"{found[1]}: "
        if first.__cause__ is None:
            break
        first = first.__cause__
    said = [line.strip() for line in str(first).splitlines() if line.strip()] or ["no message"]
    # MONAI's readers quote whole tracebacks, whose last line says what happened.
    words = said[0] if len(said) == 1 else f"{said[0]} … {said[-1]}"
    frames = [frame for frame in traceback.extract_tb(first.__traceback__) if not any(part in frame.filename for part in INSTALLED)]
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames and first is not error else ""
    return f"{name}{type(first).__name__}: {words}{where}"
