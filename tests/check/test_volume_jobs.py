"""Which mask belongs to which CT where no challenge says so."""

from pathlib import Path

from radlearn.challenges.folders import nifti_files
from radlearn.check.volume_jobs import loose_jobs


def test_loose_files_are_paired_by_their_names(tmp_path: Path) -> None:
    names = ("id1-64.nii.gz", "id1-64-msk.nii.gz", "x_ct.nii", "x_mask.nii", "alone.nii.gz", "lost_seg.nii.gz")
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    jobs = loose_jobs(nifti_files(tmp_path))
    assert {(job.paths[0].name, job.mask.name if job.mask else None) for job in jobs} == {
        ("id1-64.nii.gz", "id1-64-msk.nii.gz"),
        ("x_ct.nii", "x_mask.nii"),
        ("alone.nii.gz", None),
        ("lost_seg.nii.gz", None),
    }
