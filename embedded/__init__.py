"""What runs Meetadmin on one machine without Docker: broker, test database, browser, supervisor, demo, checks and test run.

It starts processes and never imports the application, so it works before anything is configured.
"""
