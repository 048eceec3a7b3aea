"""The journey language: what definitions look like, how they are read and checked, how they may change."""
