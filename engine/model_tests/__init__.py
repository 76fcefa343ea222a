"""Testing models: single requests, labelled rows, two versions side by side, load."""
