"""The Workspace Events API: subscriptions to what happens in Meet, delivered to a Pub/Sub topic."""
