"""Questions with a plan of their own, a package each; nothing below them knows one."""
