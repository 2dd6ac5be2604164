"""Cloud Pub/Sub: topics, push with signed tokens, and pull over REST."""
