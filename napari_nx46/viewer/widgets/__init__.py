"""Small Qt parts that several docks use."""
