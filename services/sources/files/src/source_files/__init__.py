"""Brings files of a folder, an object store or an SFTP server into Cairn, row by row."""
