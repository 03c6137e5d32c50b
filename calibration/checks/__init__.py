"""Is a rig possible, does it fit what its cameras see, and how precise is it where it looks?"""
