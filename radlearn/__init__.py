"""radlearn: three readable training pipelines for medical computer vision, with the patients built in.

For learning and research; not for clinical use.
"""

__version__ = "0.1.0"
