"""What the network costs: clients in processes of their own, and a stand-in of the broker at the end of a long line."""
