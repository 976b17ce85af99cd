"""What an audit looks for: every rule with its weight, its name for people, and what to do about it.

An *error* would train or evaluate wrongly, or stop a run: it must be mended. A *warning* may be right, and a person should look. A *note*
needs no action.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
AGAIN = "Copy or export these files again from where they came from, or remove them and their rows."


@dataclass(frozen=True)
class Rule:
    """What is looked for. `advice` says what to do where it was found."""

    severity: Severity
    title: str
    advice: str


RULES = {
    "table": Rule("error", "rows of a table that cannot be used", "Mend or remove these rows."),
    "row-repeated": Rule("error", "rows that say the same twice", "Keep one of the rows."),
    "box-outside": Rule("error", "boxes that reach beyond their X-ray", "Draw them again, or cut them off at the X-ray's border."),
    "box-table-size": Rule("error", "boxes of another size, by the table", "Write boxes and size in pixels of the X-ray as it is."),
    "box-empty": Rule("error", "boxes without extent or without numbers", "Give the box its numbers, or remove the row."),
    "label-contradiction": Rule("error", "labels that contradict each other or their boxes", "Decide which of the two is true."),
    "class-contradiction": Rule("error", "classes that contradict the label", "Decide which of the two is true."),
    "label-one-class": Rule(
        "error",
        "labels that are all the same",
        "Add images of the other class, or look at the labels: a classifier learns and is judged by the difference of two classes.",
    ),
    "split-one-class": Rule(
        "error",
        "a subset of the table's split without both classes",
        "Move some people in the column split, or leave out the column: then radlearn splits.",
    ),
    "mask-none": Rule(
        "error", "masks that are all empty", "Look at them: are lesions stored as 1? A segmenter learns from masks with something inside."
    ),
    "pair-missing": Rule("error", "images without mask, masks without image, unclear names", "Add the other file, or move this one away."),
    "pair-unreadable": Rule("error", "images that cannot be used", AGAIN),
    "pair-size": Rule("error", "masks of another size than their image", "Save the mask again, each pixel that of its image."),
    "mask-values": Rule(
        "error",
        "masks of which it is not plain what is inside",
        "Save them with 0 outside and 1, 2, … for classes, or with 0 and 255, as PNG or TIFF and without smoothing.",
    ),
    "class-unnamed": Rule(
        "error",
        "masks with a class that has no name",
        "Name every class in the column classes of a table, joined by |, such as nerve|vessel; or correct these masks.",
    ),
    "masks-contradict": Rule(
        "warning",
        "images of a person that look alike, with masks that contradict each other",
        "Look at both: one of the masks is wrong or missing, and a network is taught both. Correct it, or leave both images out.",
    ),
    "image-missing": Rule("error", "labelled X-rays that have no file", "Unpack the archive to its end, or remove the rows."),
    "image-misplaced": Rule(
        "error", "labelled X-rays that lie elsewhere or in another format", "Do as each line says; training finds none of them as they are."
    ),
    "layout-near": Rule("error", "a folder that is nearly that of a challenge", "Do as the line says; training does not know it as it is."),
    "table-unread": Rule("error", "a table of images that cannot be read as it is", "Do as the line says, then name the table itself."),
    "persons-split": Rule("error", "people in two subsets of a split", "Put all X-rays of a person in one subset, or let radlearn split."),
    "split-table": Rule("error", "a split table that cannot be used", "Write columns image_id, person, subset; or remove the table."),
    "file-empty": Rule("error", "files of 0 bytes", AGAIN),
    "not-dicom": Rule("error", "files without a DICOM header", "Export them as DICOM Part 10, or remove them."),
    "image-truncated": Rule("error", "X-rays that were cut short", AGAIN),
    "image-damaged": Rule("error", "damaged X-rays", AGAIN),
    "image-frames": Rule("error", "files of several frames or pages", "Split them into single X-rays, or remove them."),
    "image-colour": Rule("error", "X-rays in colour", "Convert them to grey (MONOCHROME2), or remove them."),
    "picture-colour": Rule(
        "error",
        "pictures that are not plain grey",
        "Use the grey files that they were made of, or save them in grey without transparency; or remove them.",
    ),
    "file-no-image": Rule("error", "DICOM files without an image", "Leave out reports and presentation states."),
    "image-no-decoder": Rule("error", "X-rays that nothing here can decode", "Convert them, for example with 'gdcmconv --raw IN OUT'."),
    "image-constant": Rule(
        "error", "X-rays with nothing on them, or masks in their place", "Remove them and their rows, or export them again."
    ),
    "image-other-person": Rule("error", "one X-ray of two people, or with two labels", "Keep one of them, or give both the same person."),
    "image-other-boxes": Rule("error", "one X-ray with different boxes", "Look at both: correct the boxes that are wrong, or remove one."),
    "header-exchanged": Rule("error", "X-rays under the names of others", "Name each file by its PatientID again: see where it came from."),
    "image-twice": Rule("warning", "one X-ray under two names", "Keep one of them: counted twice it weighs twice."),
    "file-twice": Rule("warning", "files with the same content", "Keep one of them."),
    "image-inverted": Rule("warning", "X-rays that look inverted", "Mend PhotometricInterpretation (MONOCHROME1 or 2) where it is wrong."),
    "picture-inverted": Rule(
        "warning",
        "pictures that look inverted",
        "Save them with bright where the body is dense: a picture has no header that says otherwise.",
    ),
    "image-turned": Rule("warning", "X-rays that are rotated, upside down or mirrored", "Look at them, and turn them back."),
    "image-axes": Rule(
        "note",
        "images of one slice whose affine is not that of an upright image",
        "Nothing is turned by the affine: the second axis of the file runs down. Look at a picture of one; if it is upside down or lies on "
        "its side, turn the array and save it again.",
    ),
    "image-unlike": Rule("warning", "X-rays unlike the others", "Is it another part of the body, another view, a photograph of an X-ray?"),
    "image-look": Rule(
        "warning",
        "X-rays that do not show one whole chest",
        "Look at them. Export them again from where they came; cut two X-rays in one image into two; remove what is no X-ray.",
    ),
    "image-clipped": Rule("warning", "X-rays that are largely pure white or pure black", "Is the window wrong, or was it badly exposed?"),
    "image-window": Rule(
        "warning",
        "X-rays whose window or contrast does not fit",
        "Correct WindowCenter and WindowWidth, or the look-up table, in their headers; or export them again with their full contrast.",
    ),
    "image-sheared": Rule(
        "warning",
        "X-rays whose rows may have another length than their header says",
        "Look at a picture of one. Correct Rows and Columns in its header, or export it again.",
    ),
    "image-cut": Rule(
        "warning", "X-rays of which rows may be missing", "Copy them again from their source, and compare the size of the files."
    ),
    "image-small": Rule("warning", "X-rays of few pixels", "Use the originals: what a model is to see must be on the X-ray."),
    "image-lateral": Rule(
        "warning",
        "X-rays that are no frontal view",
        "The challenge's X-rays are all PA or AP. Remove the others, or train on them knowingly.",
    ),
    "image-not-chest": Rule("warning", "X-rays of another part of the body", "Remove them, or mend BodyPartExamined."),
    "image-not-xray": Rule("warning", "images that are no X-rays", "Remove them: here X-rays are expected (modality CR, DX, DR, RG)."),
    "image-raw": Rule("warning", "raw detector data", "Export the X-rays FOR PRESENTATION."),
    "image-polarity": Rule("warning", "X-rays of contradictory polarity", "Mend PresentationLUTShape or PhotometricInterpretation."),
    "label-few": Rule(
        "warning", "too few people of a class to train on", "Add people, or use these images only to evaluate a model of other data."
    ),
    "label-rare": Rule(
        "warning",
        "labels that too few people have or lack",
        "Add people; without them such a label is predicted badly, or cannot be judged.",
    ),
    "image-unlabelled": Rule("warning", "X-rays that no row speaks of", "They are left out. Add their rows, or move them away."),
    "box-readers": Rule("warning", "boxes of several readers for one finding", "Keep one box for each finding."),
    "label-words": Rule("warning", "labels that the names of folders or classes contradict", "Decide which of the two is true."),
    "box-tiny": Rule("warning", "boxes of a few pixels", "Draw them again or remove them."),
    "box-huge": Rule("warning", "boxes over most of the X-ray", "Look at them: the largest of the challenge's own covers half an X-ray."),
    "box-turned": Rule(
        "warning",
        "boxes on pictures that are turned by their EXIF orientation",
        "Nothing says whether they were drawn on the stored or on the turned picture; they are taken for boxes of the turned one. If they "
        "do not fit, save the picture upright and draw them again.",
    ),
    "box-grid": Rule(
        "warning",
        "boxes that all lie in one corner",
        "Look whether they fit. If they were drawn on smaller copies, multiply x by the X-ray's width over the copy's, y by the heights.",
    ),
    "box-size": Rule("warning", "X-rays of another size than their boxes", "Use the challenge's own, or scale the boxes to their size."),
    "box-doubled": Rule("warning", "two boxes on nearly the same place", "Keep one of them: a detector cannot find both."),
    "persons-none": Rule("warning", "nothing says whose X-rays these are", "Write persons.csv: columns patientId,person."),
    "persons-column": Rule("warning", "nothing says whose images these are", "Add a column person to the table."),
    "persons-alike": Rule("warning", "people whose names look alike", "Write each person in one way, in the column person."),
    "persons-listed": Rule(
        "warning",
        "images that the persons' table does not list",
        "Add them where it is known whose they are; each counts as a person of its own.",
    ),
    "persons-nobody": Rule("warning", "a person who may be nobody", "Give each of these images a person of its own, or its true one."),
    "persons-header": Rule(
        "warning",
        "one PatientID or name, several people",
        "Look whose they are. If PatientID tells people apart in these files, mend persons.csv, or the column person of the table.",
    ),
    "persons-study": Rule("warning", "one examination, several people", "Give its images one person in persons.csv or the column person."),
    "header-other": Rule(
        "warning",
        "X-rays of which the table says another view, sex or age than the header",
        "The header is taken. Look whether the rows of the table are those of their X-rays, then mend the table or leave out the column.",
    ),
    "age-form": Rule("note", "ages not written as DICOM has them", "Nothing: radlearn reads them as years."),
    "age": Rule("warning", "ages that nobody has", "They are treated as missing."),
    "shortcut": Rule(
        "warning",
        "what gives the label away without the lungs",
        "A model will learn it. Report scores within each value of it, or balance it.",
    ),
    "privacy": Rule("warning", "headers that may identify people", "Remove these fields before sharing the files (DICOM PS3.15, annex E)."),
    "burnt-in": Rule("warning", "X-rays that say their pixels hold personal text", "Cover the text: it is read by models too."),
    "picture-beside": Rule(
        "warning",
        "pictures beside DICOM or NIfTI files",
        "They are left out. If they are X-rays to be used, name them in a table, or put them into a folder of their own.",
    ),
    "format-unread": Rule(
        "warning",
        "images in formats that radlearn does not read",
        "They are left out. Convert volumes to NIfTI (.nii.gz), X-rays to DICOM; SimpleITK does both.",
    ),
    "archive": Rule("warning", "archives that were not unpacked", "They are left out. Unpack them, or move them away."),
    "link-lost": Rule("warning", "links to files or folders that are not there", "Copy what they lead to, or remove the links."),
    "unlooked": Rule("note", "files that were not looked at", "Nothing, unless they are scans: DICOM needs its preamble, NIfTI its name."),
    "left-aside": Rule(
        "note",
        "what storage systems and radlearn keep among images",
        "Nothing, unless X-rays or CTs are among it: copy these to a folder of another name.",
    ),
    "ct-unreadable": Rule("error", "volumes that cannot be read", AGAIN),
    "ct-missing": Rule("error", "CTs without mask, masks without CT, unclear names", "Add the other file, or move this one away."),
    "ct-not-hu": Rule(
        "error",
        "volumes that are not in Hounsfield units",
        "Convert them again from their DICOM slices: air is -1000, water 0.",
    ),
    "ct-is-mask": Rule(
        "error",
        "masks or label maps where a CT is expected",
        "Move them away, or name them ID_seg beside ID_ct; in a table they belong in the column mask.",
    ),
    "ct-stretched": Rule(
        "warning",
        "volumes whose values look stretched",
        "Look at RescaleSlope and RescaleIntercept in their headers; convert them again from their DICOM slices: air is -1000, water 0.",
    ),
    "ct-rescaled": Rule(
        "warning",
        "series whose slices are rescaled differently",
        "Look at RescaleSlope and RescaleIntercept in their headers; export the whole series again.",
    ),
    "ct-size": Rule(
        "warning",
        "volumes whose size no chest has",
        "Look at their spacing and at the order of their axes: millilitres and millimetres follow from them. Convert them again.",
    ),
    "ct-unit": Rule(
        "note",
        "volumes of voxels of exactly 1 mm",
        "Right where they were resampled so. Else their size was lost: convert them again from their DICOM slices.",
    ),
    "ct-low": Rule(
        "warning",
        "volumes with values that nothing in a body has",
        "Is it metal? Else look at PixelRepresentation and BitsStored in their headers, and export them again.",
    ),
    "ct-order": Rule("warning", "volumes whose slices may be out of order", "Convert them again, sorted by position and not by name."),
    "ct-filled": Rule("warning", "volumes filled with something else than air", "Fill what lies outside of the scan with -1024."),
    "ct-constant": Rule("error", "volumes with nothing in them", AGAIN),
    "series-not-ct": Rule("error", "series of another modality than CT", "Leave them out: only CT is in Hounsfield units."),
    "series-broken": Rule("error", "DICOM series that make no volume", "Export the whole series again, each slice once."),
    "mask-grid": Rule("error", "masks on another grid than their CT", "Save the mask again on the grid of its CT."),
    "mask-labels": Rule("error", "masks of which it is not plain what is inside", "Save them with 0 outside and 1 inside."),
    "ct-other-masks": Rule("error", "one CT with different masks", "Look at both: correct the wrong mask, or remove one of the two."),
    "ct-twice": Rule("error", "the same volume under two names", "Keep one of them, or give both the same person."),
    "mask-grey": Rule("warning", "masks that are not 0 and 1", "They are cut in the middle. Save them as 0 and 1."),
    "mask-empty": Rule("warning", "masks with nothing inside", "Right where nothing was found; look whether it was."),
    "mask-inverted": Rule("warning", "masks with most of the scan inside", "Look at them: inside and outside may be swapped."),
    "mask-mixed": Rule(
        "warning",
        "masks of 0 and white among label maps of several classes",
        "Is white the same class as 1? Save all of them with the numbers of the classes.",
    ),
    "mask-shown": Rule(
        "note",
        "masks stored with 0 for white",
        "Nothing where white is what was outlined; else save them with 0 outside and the numbers of the classes.",
    ),
    "mask-outside-lung": Rule(
        "warning", "masks outside the lungs", "Is it another person's mask, another organ's, or one that is mirrored or moved?"
    ),
    "mask-of-lung": Rule("warning", "masks that hold healthy lung", "Look at them: is it a mask of the lungs, or one that was moved?"),
    "mask-turned": Rule("warning", "masks that look turned over on their CT", "Look at them; save them in the order of the CT's axes."),
    "ct-turned": Rule(
        "warning",
        "CTs that look turned over",
        "Look at them: the order of the voxels and the header's axes (affine) may not belong together. Export them again.",
    ),
    "ct-gap": Rule("warning", "volumes with slices far apart, blank or repeated", "Are slices missing? Export the series again."),
    "ct-flat": Rule("warning", "volumes of a few slices", "A chest has 40 slices and more. Is it a topogram, or a part?"),
    "ct-orientation": Rule("note", "volumes whose axes go other ways than most", "Nothing: radlearn turns them. Other tools may not."),
    "ct-odd": Rule("warning", "volumes with something odd in their headers or pixels", "Look at them, or export them again."),
    "ct-padding": Rule(
        "note",
        "volumes with padding outside the scanner's field",
        "Nothing: radlearn takes it for air. Means and histograms of other tools will not.",
    ),
    "about": Rule("note", "about the data", ""),
}
