"""What is offered here and how it is shown: publications, the catalogue, its pages and changes."""
