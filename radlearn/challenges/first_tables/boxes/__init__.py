"""Boxes as COCO, Pascal VOC and YOLO keep them, held against their images and made rows of a first table."""
