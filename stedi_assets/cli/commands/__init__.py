"""One module for each command of `stedi`: its options, and the code that only this command needs."""
