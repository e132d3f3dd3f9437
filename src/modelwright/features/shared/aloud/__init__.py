"""The front end of speech synthesis: what is written becomes what is said, and that becomes sounds."""
