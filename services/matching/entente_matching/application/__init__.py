"""What matching does: commands, queries, and the index that answers searches."""
