"""Label maps of images in two dimensions: several classes, each judged by itself."""
