"""Whether numbers mean something else than they say: boxes, probabilities, masks and run lengths read in another way."""
