"""A folder with which masks are made where there is no network, as in a Kaggle notebook."""
