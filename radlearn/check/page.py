"""The audit as one HTML page: what was found, with pictures of every kind of trouble that can be seen, and what to do."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from radlearn.challenges.folders import is_image_file, volume_stem
from radlearn.challenges.tables.table_rows import is_table
from radlearn.check.audit import Audit
from radlearn.check.findings import Finding, counted, grouped
from radlearn.check.forecast import Forecast, table_rows
from radlearn.check.rules import RULES, SEVERITIES
from radlearn.errors import RadlearnError
from radlearn.pictures.overlays import shortened
from radlearn.pictures.report import SYNTHETIC, Block, Headline, Note, Picture, Section, Table, Text, write_report
from radlearn.pictures.style import in_house_style, png_bytes
from radlearn.remarks import notes_gathered
from radlearn.scans.dicom import read_radiograph
from radlearn.scans.geometry import to_orientation
from radlearn.scans.tiff_pages import file_called
from radlearn.scans.volume_files import read_volume

PICTURES_A_RULE = 4
XRAY_PX = 320
ROWS_SHOWN = 200
LUNG_WINDOW_HU = (-1350.0, 150.0)
NAME_LETTERS = 30


Panel = tuple[str, np.ndarray, tuple[tuple[float, float, float, float], ...]]
"Name, picture in [0, 1], and boxes (x0, y0, x1, y1) as shares of it."


def write_page(path: Path, audit: Audit, forecasts: Sequence[Forecast]) -> Path:
    """Write the page, whole or not at all, and return its path."""
    counts = counted(audit.findings)
    verdict = "Something must be mended before this is trained on." if audit.must_be_mended else "Nothing must be mended."
    nifti = [one.job for one in audit.volumes if volume_stem(one.job.paths[0].name)]
    files = len(audit.xrays) + sum(len(job.paths) + (job.mask is not None) for job in nifti)
    headline = [Headline({"error": "Errors", "warning": "Warnings", "note": "Notes"}[name], counts[name]) for name in SEVERITIES]
    groups = grouped(audit.findings)
    sections = [Section("What to do", _to_do(groups))] if groups else []
    titles = [RULES[findings[0].rule].title for findings in groups]
    sections += [Section(title[0].upper() + title[1:], _blocks(same, audit)) for title, same in zip(titles, groups, strict=True)]
    if audit.counts():
        rows = [(name, value, count) for name, values in audit.counts().items() for value, count in list(values.items())[:12]]
        sections.append(Section("What is there", [Table(("what", "value", "how many"), rows)]))
    if audit.clues:
        clues = [(clue.name, clue.auroc_score, clue.xrays, clue.said) for clue in audit.clues]
        told = "How well each header field and each simple statistic alone tells the label; 0.5 is chance."
        sections.append(Section("What tells the label", [Table(("field", "AUROC", "X-rays", "how"), clues, told)]))
    if forecasts:
        words = Text(f"An estimate, before anything is allocated: {forecasts[0].basis}.")
        sections.append(Section("What training will cost", [Table(*table_rows(forecasts)), words]))
    kind = "table" if is_table(audit.folder) else "folder"
    return write_report(
        path,
        f"What is in this {kind}",
        verdict,
        [Headline("Files looked at", files), *headline],
        sections,
        ribbon=SYNTHETIC if audit.synthetic else "",
        facts=[(kind.capitalize(), str(audit.folder)), ("Recognised as", "; ".join(audit.kinds))],
    )


def _to_do(groups: Sequence[Sequence[Finding]]) -> list[Block]:
    rows = [(one[0].severity, RULES[one[0].rule].title, len(one), RULES[one[0].rule].advice) for one in groups if one[0].severity != "note"]
    return [Table(("", "what was found", "how many", "what to do"), rows)] if rows else [Text("Nothing.")]


def _blocks(findings: Sequence[Finding], audit: Audit) -> list[Block]:
    rule, severity = RULES[findings[0].rule], findings[0].severity
    weighs = f"{severity.capitalize()}. {rule.advice}"
    blocks: list[Block] = [Note(weighs, "info" if severity == "note" else "warning")] if rule.advice else []
    pictures = [panel for one in findings[:PICTURES_A_RULE] for panel in _panels(one, audit)][: 2 * PICTURES_A_RULE]
    if pictures:
        caption = "Where a box is drawn, it is the one that is spoken of." if any(one.boxes_xyxy_px for one in findings) else ""
        alt = f"{len(pictures)} pictures: {rule.title}"
        blocks.append(Picture(png_bytes(_grid(pictures)), caption, alt, wide=len(pictures) > 2))
    rows = [(one.file or f"the whole {'table' if is_table(audit.folder) else 'folder'}", one.found) for one in findings[:ROWS_SHOWN]]
    more = f"{len(findings) - ROWS_SHOWN:,} more are in --json." if len(findings) > ROWS_SHOWN else ""
    folded = len(rows) > 12
    # What is folded away is known by its caption alone.
    caption = f"{f'The first {ROWS_SHOWN} of {len(findings):,}' if more else f'All {len(rows):,}'}, one by one. {more}" if folded else more
    return [*blocks, Table(("where", "what was found"), rows, caption.strip(), folded=folded)]


def _panels(finding: Finding, audit: Audit) -> list[Panel]:
    """Return name, picture in [0, 1] and boxes as shares of it, for each file of a finding that can be shown."""
    panels: list[Panel] = []
    for name in (finding.file, *finding.also[:1]):
        path = file_called(audit.folder / name)
        # A header that names somebody is no reason to show the X-ray.
        if not name or finding.rule in ("privacy", "about", "shortcut") or not path.is_file():
            continue
        try:
            if volume_stem(path.name) and not is_image_file(path):
                panels.append((name, _slice(path), ()))
            elif not path.name.endswith((".csv", ".json")):
                with notes_gathered({}):
                    # What is doubtful about it is among the findings.
                    radiograph = read_radiograph(path, XRAY_PX, "pad")
                height, width = radiograph.header.size_px
                side = max(height, width)
                margin = np.array([side - width, side - height] * 2) / 2
                shares = [((np.array(box) + margin) / side).tolist() for box in finding.boxes_xyxy_px]
                panels.append((name, radiograph.pixels, tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in shares)))
        except RadlearnError:
            continue
    return panels


def _slice(path: Path) -> np.ndarray:
    """Return the slice of a volume that says most, as it hangs: front up, the patient's right at the left; a mask is shown as it is."""
    volume = read_volume(path)
    voxels, _ = to_orientation(volume.voxels, volume.affine, "LPS")
    low, high = float(voxels.min()), float(voxels.max())
    if low > -200:
        lows, highs = 0.0, max(high, 1.0)
        number = int(np.argmax((voxels > high / 2).sum(axis=(0, 1)))) if high > 0 else voxels.shape[2] // 2
    else:
        (lows, highs), number = LUNG_WINDOW_HU, voxels.shape[2] // 2
    return np.clip((voxels[:, :, number].T.astype(np.float32) - lows) / (highs - lows), 0, 1)


@in_house_style
def _grid(panels: Sequence[Panel]) -> Figure:
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(2.6 * columns, 2.85 * rows))
    for place, (name, pixels, boxes) in enumerate(panels):
        left, bottom = place % columns / columns, 1 - (place // columns + 1) / rows
        axes = figure.add_axes((left + 0.01, bottom + 0.09 / rows, 1 / columns - 0.02, 0.89 / rows))
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
        height, width = pixels.shape
        for x0, y0, x1, y1 in boxes:
            corners = ([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0])
            axes.plot(np.array(corners[0]) * width, np.array(corners[1]) * height, color="#ffb000", linewidth=1.6)
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)
        short = shortened(Path(name).name, NAME_LETTERS)
        figure.text(left + 0.5 / columns, bottom + 0.03 / rows, short, ha="center", va="bottom", fontsize=8, parse_math=False)
    return figure
