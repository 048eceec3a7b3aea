"""The workspace's own rules: what no single package can see."""
