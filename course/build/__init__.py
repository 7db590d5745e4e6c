"""Make the site, the students' notebooks and the reference from pages and records."""
