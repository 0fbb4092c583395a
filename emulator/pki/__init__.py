"""The sample authority and what it issues: certificates, keys, and the folders peers expect."""
