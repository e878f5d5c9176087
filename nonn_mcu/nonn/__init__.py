"""Network of neural networks: a teacher's knowledge partitioned over students that meet at the last layer.

Bhardwaj, Lin, Sartor and Marculescu 2019 (arXiv 1907.11804). docs/nonn.md describes what is done here.
"""
