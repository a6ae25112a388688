"""
One module, one page: from readers and a parsed filter to a frozen dataclass, which is rendered to HTML and to JSON.
"""
