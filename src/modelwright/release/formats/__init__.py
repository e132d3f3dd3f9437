"""What a model can be exported to, one file each: `write(packed, folder)` fills an empty folder."""
