"""Sign-in and tokens, as Google's OAuth 2.0 and OpenID Connect endpoints answer.

Google Identity guides: "Using OAuth 2.0 for Web Server Applications", "OpenID Connect", and "Using OAuth 2.0 for
Server to Server Applications" (service accounts with domain-wide delegation).
"""
