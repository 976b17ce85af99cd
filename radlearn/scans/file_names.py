"""What the names of image files end in."""

DICOM_SUFFIXES = (".dcm", ".dicom")
NIFTI_SUFFIXES = (".nii.gz", ".nii")
ITK_SUFFIXES = (".mha", ".nrrd")
VOLUME_SUFFIXES = (*NIFTI_SUFFIXES, *ITK_SUFFIXES)
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
OTHER_PICTURES = (".gif", ".webp", ".jp2", ".j2k", ".jpx", ".pgm", ".pnm", ".ppm", ".pbm", ".heic", ".heif", ".avif")
"That radlearn does not read."
PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
"Of a file that was packed by itself."
