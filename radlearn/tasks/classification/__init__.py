"""A probability for a whole radiograph: threshold and calibration, evaluation, report, prediction."""
