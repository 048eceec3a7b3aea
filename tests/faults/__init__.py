"""Whatever is killed, stopped, wiped or cut differently: the state at the end is that of an undisturbed run."""
