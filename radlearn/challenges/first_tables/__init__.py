"""A first table of a folder of images as people have them: `radlearn TASK table`."""
