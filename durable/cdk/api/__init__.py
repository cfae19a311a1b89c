"""The APIs of workers: HTTP and REST, their routes, domains and canaries."""
