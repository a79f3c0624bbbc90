"""Files of networks from elsewhere, read without running what they bring; C code reads them in a process of its own."""
