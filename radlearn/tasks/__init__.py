"""What follows from the kind of question, not from the challenge: postprocessing, its search on validation, evaluation, report."""
