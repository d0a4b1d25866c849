"""Running a campaign's tasks on a Dask cluster."""
