"""What a challenge publishes: its files read into cases, what is wrong with them, its submission file and its official score."""
