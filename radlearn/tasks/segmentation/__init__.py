"""A mask on a CT: sliding windows, postprocessing and its search, evaluation, report, prediction."""
