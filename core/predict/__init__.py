"""Files in, cases out: the same for the page, the command line and the API."""
