"""The registration process: what it is asked, what it answers, its life."""
