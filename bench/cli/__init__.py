"""The commands of `bench`, one module for each. They parse options, call other packages, print."""
