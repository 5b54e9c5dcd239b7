"""Networks that predict a displacement field, and what runs them."""
