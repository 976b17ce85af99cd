"""Several labels for one X-ray: a probability, a threshold and a calibration for each, and scores that are means over them."""
