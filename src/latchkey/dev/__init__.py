"""`latchkey dev`: a simulated Slack and the server in one terminal; the app is reloaded when a file is saved.

A reload replaces the process. The new version is loaded while the old one runs, so an error in it, or an import that
never ends, changes nothing. Then the old process finishes what it runs and ends, and the new one takes over its store.
Both use a listening socket of this process, in which requests wait for the fraction of a second between them.

Nothing is imported here, because the process that forks the versions would have to import it too.
"""
