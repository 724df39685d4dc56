"""Figures turned into what people look at: tables, charts, pages, files for other programs."""
