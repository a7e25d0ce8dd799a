"""The public side: pages, endpoints for mail programs and providers, and an API, as one web application."""
