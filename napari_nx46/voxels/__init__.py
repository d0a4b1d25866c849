"""The ground: blocks, threads, packed masks and components that every room above works with."""
