"""Which mask belongs to which CT: by the challenge's names, else by a guess that is plain."""

from pathlib import Path

from radlearn.check.volume_jobs import challenge_jobs, loose_jobs, nifti_files
from tests.check.phantom import write_case


def test_the_challenges_layout_is_taken_by_its_names(tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        write_case(tmp_path / "Train", name, seed)
    (tmp_path / "Train" / "c_seg.nii.gz").unlink()
    (tmp_path / "Train" / "d_seg.nii.gz").write_bytes(b"x")
    (tmp_path / "Train" / "b_ct.nii.gz").write_bytes(b"")
    jobs, findings = challenge_jobs(tmp_path)
    assert [job.case for job in jobs] == ["a"]
    assert {(one.rule, one.file) for one in findings} == {
        ("ct-missing", "Train/c_ct.nii.gz"),
        ("ct-missing", "Train/d_seg.nii.gz"),
        ("file-empty", "Train/b_ct.nii.gz"),
    }


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
