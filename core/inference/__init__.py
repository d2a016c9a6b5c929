"""From a network to a probability map: images, volumes, classes, uncertainty, classical methods."""
