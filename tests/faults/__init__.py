"""Faults of network, cloud and machine, judged by a program that shares nothing with the product."""
