"""The login to the agent interface: once in a browser, then by tokens that are renewed ahead of their end.

1. Every new pair of tokens is on the disk, durably, before it is used: a refresh token works once, and the server takes
   the old one no more. Where the disk takes nothing, the pair works in memory and somebody is told.
2. One lock, across threads and processes, is held while tokens are renewed or replaced. Whoever gets it reads the file
   first and takes up what another process has got.
3. A renewal is noted on the disk before it is sent. If its answer is lost, even by a crash, the old refresh token may
   be dead, or its second use may end the session that still works. So it is not used again while the session works:
   somebody is told by when to log in. Once the session is refused, nothing can be lost, and it is tried a few times.
4. What goes to the browser and what comes back is checked: the server's own description of its login against the
   addresses known here, PKCE (RFC 7636, S256), `state`, and the issuer (RFC 9207) where the answer names one.

Not guaranteed: that the server renews a session whose access token has run out. Nobody has published a trial.
"""
