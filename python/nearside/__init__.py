"""The lab of Nearside: it makes, proves and ships the rerankers that run in the reader's browser."""
