"""How people write the names of persons, classes, images and columns, and which spellings mean the same."""
