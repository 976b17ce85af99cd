"""What the names of image files end in."""

DICOM_SUFFIXES = (".dcm", ".dicom")
NIFTI_SUFFIXES = (".nii.gz", ".nii")
ITK_SUFFIXES = (".mha", ".nrrd")
VOLUME_SUFFIXES = (*NIFTI_SUFFIXES, *ITK_SUFFIXES)
JPEG_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".jpe")
PICTURE_SUFFIXES = (".png", *JPEG_SUFFIXES, ".tif", ".tiff", ".bmp")
OTHER_PICTURES = (".gif", ".webp", ".jp2", ".j2k", ".jpx", ".pgm", ".pnm", ".ppm", ".pbm", ".heic", ".heif", ".avif")
"That radlearn does not read."
PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
"Of a file that was packed by itself."
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".dcm.gz", ".dcm.zip")
OTHER_VOLUMES = (
    ".hdr", ".img", ".hdr.gz", ".img.gz", ".mhd", ".raw", ".zraw", ".nhdr", ".mgh", ".mgz", ".mnc", ".vtk", ".vti",
    ".nii.bz2", ".nii.xz", ".nii.zst", ".nii.zip", ".npy", ".npz", ".h5", ".hdf5",
)  # fmt: skip
"That radlearn does not read."
