"""What an evaluation found, and the ledger of trials that it is judged against."""
