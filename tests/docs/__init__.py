"""The documents: their code runs, the site builds without a warning, and what they name is there."""
