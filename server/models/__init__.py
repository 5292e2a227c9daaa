"""What the services send and take, as types. Answers are parsed tolerantly, requests are strict."""
