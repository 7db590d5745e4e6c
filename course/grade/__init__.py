"""Grade a class: a sandbox, a judge, a gradebook."""
