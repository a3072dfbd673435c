"""What an organisation needs to speak to the relay: its doors, the seal, the signed directory, keys that die.

Written from `schemas/README.md` and `engine/vault/SEAL.md`.
"""
