"""Commands by which a person holds back or lets go what the server may do."""
