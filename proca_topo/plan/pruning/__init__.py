"""What nobody wants any more: whether it goes, and why it stays for now."""
