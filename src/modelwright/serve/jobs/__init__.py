"""Jobs: files of rows that are answered by and by, beside live requests, and survive a restart."""
