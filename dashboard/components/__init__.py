"""The viewers: html, css and JavaScript, each with its Python face."""
