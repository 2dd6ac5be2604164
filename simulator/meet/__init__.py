"""Meet v2: every method of the discovery document, with Google's names, roles, scopes, masks, filters and pages."""
