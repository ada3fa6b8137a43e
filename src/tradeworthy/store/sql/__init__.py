"""The store on a SQL database, a file a port: its tables and the SQL that reads and writes them.

``sql/<port>.py`` holds the class ``Sql<Port>``; nothing else has to know of it.
"""
