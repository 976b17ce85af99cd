"""What makes the pictures of the lessons and checks the promised figures."""
