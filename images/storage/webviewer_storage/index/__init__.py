"""What is stored: tables, migrations, the writer and the readers."""
