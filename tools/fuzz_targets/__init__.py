"""What is fuzzed: for each kind of file, sound examples, and what reads them for radlearn."""

from tools.fuzz_targets import images, run_files, submissions, tables, volumes

TARGETS = {one.name: one for room in (images, volumes, tables, submissions, run_files) for one in room.TARGETS}
