"""What is built on ``core.predict``: files, volumes, classes, other servers, uncertainty."""
