"""Storage: files by URI in local folders and in S3. The only room that knows buckets and folders."""
