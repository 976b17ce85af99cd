"""Parts for any MONAI program: readers, a crop to the lungs, a memory-mapped data set, an inferer."""
