"""Boxes on a radiograph: candidates, fusion, postprocessing and its search, evaluation, report, prediction."""
