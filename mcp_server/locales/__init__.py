"""Messages in English and Brazilian Portuguese."""
