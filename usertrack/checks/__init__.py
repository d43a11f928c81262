"""What is wrong before anything is asked: files of the workspace, columns of the database, connections."""
