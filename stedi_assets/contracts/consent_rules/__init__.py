"""Privacy rules: only people who agreed are published, and no person is mistaken for another.

The rules read the landing tables on a path of their own and share no code with the transforms.
"""
