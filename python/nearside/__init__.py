"""The lab of Nearside: makes article vectors, click logs, rerankers and their evaluations."""
