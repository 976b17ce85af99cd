"""Tables, read row by row with every fault named by its line, and cases made of a table of one's own."""
