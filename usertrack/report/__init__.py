"""Documents: what each answer shows, before anybody decides in which format."""
