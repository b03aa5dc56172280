"""The process that trains: fairseq's trainer in a loop that knows when it has to end."""
