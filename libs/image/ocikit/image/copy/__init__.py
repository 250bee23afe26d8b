"""Planning and carrying out copies of images."""
