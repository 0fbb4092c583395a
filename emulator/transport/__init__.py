"""Pure codecs of what carries SPDM: the spdm-socket frames and DOE data objects."""
