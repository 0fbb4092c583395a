"""Pure codecs of what carries SPDM: a stream cut into frames, and a message wrapped."""
